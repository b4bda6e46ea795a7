import { expect, test } from "vitest";
import { peaks } from "./wave";

function wav(samples: number[], bits = 16): ArrayBuffer {
  const file = new ArrayBuffer(44 + samples.length * 2);
  const view = new DataView(file);
  const word = (at: number, text: string) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF");
  word(8, "WAVE");
  word(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, 4, true);
  view.setUint16(34, bits, true);
  word(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, i) => view.setInt16(44 + i * 2, sample, true));
  return file;
}

test("each channel has its own peaks", () => {
  const { seconds, channels } = peaks(wav([16384, 0, 0, 0, 0, -32768, 0, 8192]), 2);
  expect(seconds).toBe(1);
  expect([...channels[0]]).toEqual([0.5, 0]);
  expect([...channels[1]]).toEqual([0, 1]);
});

test("what is no recording is said to be none", () => {
  expect(() => peaks(new ArrayBuffer(10), 2)).toThrow("no WAV");
  expect(() => peaks(wav([0, 0], 8), 2)).toThrow("16 bits");
});

test("a file that was cut short has what is there", () => {
  expect(peaks(wav([1, 1, 2, 2, 3, 3]).slice(0, 52), 1).seconds).toBe(0.5);
});
