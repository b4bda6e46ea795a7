import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { url } from "../api";
import { Button } from "../ui";
import { span } from "../words";
import { peaks, type Peaks } from "../wave";

export interface Heard {
  from: number; // seconds
  to: number;
  who: "user" | "agent";
  cut: boolean;
}

const pieces = 600;
const largest = 64 << 20; // bytes of a recording that are loaded for its picture: half an hour

/** Player plays a recording over its picture: the caller above, the agent below. It needs no token: the session's cookie goes with it. */
export function Player({ id, seconds, heard, at, onTime, jump }: {
  id: string;
  seconds: number;
  heard: Heard[];
  at: number;
  onTime: (seconds: number) => void;
  jump?: { to: number };
}) {
  const file = url("GET /calls/{id}/recording/stream", { path: { id } });
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [fault, setFault] = useState("");
  const { wave, why } = useWave(file);
  const long = wave?.seconds ?? seconds;
  const seek = (to: number) => {
    if (audio.current) audio.current.currentTime = Math.min(Math.max(0, to), long);
  };
  const play = () => audio.current?.play().catch((error: Error) => setFault(error.message));
  useEffect(() => {
    if (!jump || !audio.current) return;
    audio.current.currentTime = jump.to;
    void audio.current.play().catch((error: Error) => setFault(error.message));
  }, [jump]);
  useEffect(() => {
    if (!playing) return;
    let frame = requestAnimationFrame(function tick() {
      onTime(audio.current?.currentTime ?? 0);
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, onTime]);
  return (
    <div className="player">
      <audio ref={audio} src={file} preload="metadata" onPlay={() => setPlaying(true)} onPause={() => setPlaying(false)}
        onTimeUpdate={(event) => onTime(event.currentTarget.currentTime)} onError={() => setFault("The recording cannot be played.")} />
      <Button kind="main" aria-label={playing ? "Pause" : "Play"} onClick={() => (playing ? audio.current?.pause() : void play())}>
        {playing ? "❚❚" : "▶"}
      </Button>
      <Lanes wave={wave} heard={heard} long={long} at={at} onSeek={seek} />
      <span className="number clock">{span(at)} / {span(long)}</span>
      {(fault || why) && <p role="alert" className="quiet">{fault || why}</p>}
    </div>
  );
}

function Lanes({ wave, heard, long, at, onSeek }: { wave?: Peaks; heard: Heard[]; long: number; at: number; onSeek: (to: number) => void }) {
  const point = (event: PointerEvent<SVGSVGElement>) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = event.currentTarget.getBoundingClientRect();
    onSeek(((event.clientX - box.left) / box.width) * long);
  };
  const steps: Record<string, number> = { ArrowLeft: at - 5, ArrowRight: at + 5, ArrowDown: at - 5, ArrowUp: at + 5, Home: 0, End: long };
  const press = (event: KeyboardEvent) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    onSeek(steps[event.key]);
  };
  const x = (seconds: number) => (seconds / long) * pieces;
  return (
    <div className="lanes">
      <span className="lane-name user">Caller</span>
      <span className="lane-name agent">Agent</span>
      <svg viewBox={`0 0 ${pieces} 100`} preserveAspectRatio="none" role="slider" tabIndex={0} aria-label="Place in the recording" aria-valuemin={0}
        aria-valuemax={Math.round(long)} aria-valuenow={Math.round(at)} aria-valuetext={`${span(at)} of ${span(long)}`} onPointerDown={point} onPointerMove={point} onKeyDown={press}>
        {heard.map((part) => (
          <rect key={part.who + part.from} x={x(part.from)} width={Math.max(1, x(part.to - part.from))} y={part.who === "user" ? 0 : 52} height="48" className={`said ${part.who}`} />
        ))}
        {wave?.channels.slice(0, 2).map((channel, i) => <path key={i} d={outline(channel, i ? 76 : 24)} className={i ? "wave agent" : "wave user"} />)}
        {heard.filter((part) => part.cut).map((part) => <line key={part.to} x1={x(part.to)} x2={x(part.to)} y1="0" y2="100" className="cut"><title>The caller interrupted</title></line>)}
        <line x1={x(at)} x2={x(at)} y1="0" y2="100" className="head" />
      </svg>
    </div>
  );
}

/** outline draws loudness about a middle. Quiet speech shows, too: it is the square root. */
function outline(channel: Float32Array, middle: number): string {
  let path = "";
  channel.forEach((loud, i) => {
    const tall = Math.max(0.5, Math.sqrt(loud) * 23);
    path += `M${i + 0.5} ${(middle - tall).toFixed(1)}V${(middle + tall).toFixed(1)}`;
  });
  return path;
}

/** useWave loads the recording for its picture. Without it the recording plays all the same. */
function useWave(file: string): { wave?: Peaks; why?: string } {
  const [state, setState] = useState<{ wave?: Peaks; why?: string }>({});
  useEffect(() => {
    const stop = new AbortController();
    void (async () => {
      try {
        const answer = await fetch(file, { signal: stop.signal });
        if (!answer.ok) throw new Error(`the recording answers ${answer.status}`);
        if (Number(answer.headers.get("Content-Length") ?? 0) > largest) {
          stop.abort();
          setState({ why: "The recording is too long to be drawn; it plays all the same." });
          return;
        }
        setState({ wave: peaks(await answer.arrayBuffer(), pieces) });
      } catch (error) {
        if (!stop.signal.aborted) setState({ why: `The picture is missing: ${(error as Error).message}.` });
      }
    })();
    return () => stop.abort();
  }, [file]);
  return state;
}
