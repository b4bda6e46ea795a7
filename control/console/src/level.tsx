import { useEffect, useRef } from "react";

const softest = -50; // dB of full scale that a meter shows

/** Level shows how loud somebody is, anew with each picture of the browser's: React has no part in that. */
export function Level({ name, who, peak }: { name: string; who: "user" | "agent"; peak: () => number | undefined }) {
  const bar = useRef<SVGRectElement>(null);
  const latest = useRef(peak);
  latest.current = peak;
  useEffect(() => {
    let shown = 0;
    let frame = requestAnimationFrame(function look() {
      const loud = Math.max(0, 1 - (20 * Math.log10(Math.max(latest.current() ?? 0, 1e-6))) / softest);
      shown = Math.max(loud, shown * 0.9);
      bar.current?.setAttribute("width", String(Math.min(1, shown) * 100));
      frame = requestAnimationFrame(look);
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  return (
    <span className="level">
      <span className={who}>{name}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={`How loud: ${name.toLowerCase()}`}>
        <rect width="100" height="8" className="bed" />
        <rect ref={bar} width="0" height="8" className={who} />
      </svg>
    </span>
  );
}
