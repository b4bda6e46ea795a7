// The loudness of a recording: WAV, 16 bits, as Parley writes them.

export interface Peaks {
  seconds: number;
  channels: Float32Array[]; // 0 to 1, each of as many pieces as were asked for
}

/** peaks finds the loudest sample of each piece, for each channel. It throws if the file is no WAV of 16 bits. */
export function peaks(file: ArrayBuffer, pieces: number): Peaks {
  const view = new DataView(file);
  const word = (at: number) => String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
  if (file.byteLength < 44 || word(0) !== "RIFF" || word(8) !== "WAVE") throw new Error("the recording is no WAV file");
  let [channels, rate] = [0, 0];
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const long = view.getUint32(at + 4, true);
    if (word(at) === "fmt ") {
      channels = view.getUint16(at + 10, true);
      rate = view.getUint32(at + 12, true);
      if (view.getUint16(at + 8, true) !== 1 || view.getUint16(at + 22, true) !== 16 || !channels || !rate) throw new Error("the recording is not of 16 bits");
    } else if (word(at) === "data" && channels) {
      const samples = Math.floor(Math.min(long, file.byteLength - at - 8) / 2 / channels);
      return { seconds: samples / rate, channels: loudest(new Int16Array(file, at + 8, samples * channels), channels, pieces) };
    }
    at += 8 + long + (long % 2);
  }
  throw new Error("the recording has no sound");
}

function loudest(sound: Int16Array, channels: number, pieces: number): Float32Array[] {
  const out = Array.from({ length: channels }, () => new Float32Array(pieces));
  const frames = sound.length / channels;
  for (let i = 0; i < sound.length; i++) {
    const piece = Math.floor((Math.floor(i / channels) / frames) * pieces);
    const loud = Math.abs(sound[i]) / 32768;
    const channel = out[i % channels];
    if (loud > channel[piece]) channel[piece] = loud;
  }
  return out;
}
