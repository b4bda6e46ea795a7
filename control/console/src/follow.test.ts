import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follow } from "./follow";

/** Line is a socket of which a test is the server. */
class Line {
  static CONNECTING = 0;
  static all: Line[] = [];
  readyState = 0;
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    Line.all.push(this);
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  close() {
    this.closed = true;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("location", { origin: "https://voice.example.com" });
  Line.all = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a socket that breaks off is opened anew, and what was missed is said once", () => {
  const heard: string[] = [];
  const missed = vi.fn();
  const end = follow("/ws/conversations", (text) => heard.push(text), missed);
  Line.all[0].opens();
  Line.all[0].onmessage!({ data: "one" });
  expect(Line.all[0].url).toBe("wss://voice.example.com/ws/conversations");
  expect(missed).not.toHaveBeenCalled();
  Line.all[0].onclose!({ code: 1006 });
  vi.advanceTimersByTime(999);
  expect(Line.all).toHaveLength(1);
  vi.advanceTimersByTime(1);
  Line.all[1].onclose!({ code: 1006 }); // the server is not there yet
  vi.advanceTimersByTime(2000);
  Line.all[2].opens();
  Line.all[2].onmessage!({ data: "two" });
  expect(heard).toEqual(["one", "two"]);
  expect(missed).toHaveBeenCalledTimes(1);
  end();
  expect(Line.all[2].closed).toBe(true);
});

test("it ends for good when nobody looks, and when the session is over", () => {
  const end = follow("/ws/conversations", () => {}, () => {});
  Line.all[0].onclose!({ code: 1006 });
  end();
  follow("/ws/conversations", () => {}, () => {});
  Line.all[1].opens();
  Line.all[1].onclose!({ code: 1008 });
  vi.advanceTimersByTime(60000);
  expect(Line.all).toHaveLength(2);
});
