import { expect, test, vi } from "vitest";
import { Call, fragment, nothing, renewed, type Seen, whySilent } from "./call";

const sdp = (...lines: string[]) => lines.join("\r\n") + "\r\n";

test("a restart tells its credentials, and nothing of sound", () => {
  const offer = sdp("v=0", "a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:abcd", "a=ice-pwd:secret", "a=rtpmap:111 opus/48000/2", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host");
  expect(fragment(offer)).toBe(sdp("a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:abcd", "a=ice-pwd:secret", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"));
});

test("an answer is renewed in all its sections", () => {
  const section = (ufrag: string, at: string) => ["a=ice-ufrag:" + ufrag, "a=ice-pwd:" + ufrag + "-pwd", "a=candidate:1 1 udp 1 " + at + " 9 typ host", "a=end-of-candidates"];
  const answer = sdp("v=0", "m=audio", ...section("old", "192.0.2.1"), "m=application", ...section("old", "192.0.2.1"));
  const news = sdp("a=ice-lite", "m=audio", "a=mid:0", ...section("new", "192.0.2.2"));
  expect(renewed(answer, news)).toBe(sdp("v=0", "m=audio", ...section("new", "192.0.2.2"), "m=application", ...section("new", "192.0.2.2")));
});

test("a microphone that is not to be had is explained", () => {
  const named = (name: string) => Object.assign(new Error("no"), { name });
  expect(whySilent(named("NotAllowedError"))).toContain("Allow the microphone");
  expect(whySilent(named("InsecureContext"))).toContain("https");
  expect(whySilent(named("OverconstrainedError"))).toContain("(no)");
});

test("a call that was hung up stays over, whatever is still on its way", () => {
  const channel: { onmessage?: (event: { data: string }) => void } = {};
  const peer = { addTransceiver: () => ({}), createDataChannel: () => channel, close: () => undefined };
  vi.stubGlobal("RTCPeerConnection", function () { return peer; });
  vi.stubGlobal("AudioContext", function () { return { close: async () => undefined }; });
  vi.stubGlobal("Audio", function () { return {}; });
  for (const name of ["addEventListener", "removeEventListener", "cancelAnimationFrame"]) vi.stubGlobal(name, () => undefined);
  let seen: Seen = nothing;
  const call = new Call({ ...nothing, state: "connecting" }, (now) => (seen = now));
  const tell = (state: string) => channel.onmessage!({ data: JSON.stringify({ type: "state", data: { state } }) });
  tell("listening");
  expect(seen.state).toBe("listening");
  call.hangUp();
  tell("thinking");
  expect(seen.state).toBe("over");
  vi.unstubAllGlobals();
});
