#!/usr/bin/env python3
"""Writes smartturn.tsv: what the reference in the PyPI package pipecat-ai 1.14.0 makes of a few sounds.

    pip download --no-deps pipecat-ai==1.14.0; unzip it; pip install numpy onnxruntime
    smartturn.py DIRECTORY_OF_THE_WHEEL > smartturn.tsv

Each line: the sound's name, how likely its speaker has finished, and the features of every 10th band at every 50th look.
"""

import importlib.util
import os
import sys
import wave

import numpy as np
import onnxruntime

at = os.path.join(sys.argv[1], "pipecat/audio/turn/smart_turn")
spec = importlib.util.spec_from_file_location("features", os.path.join(at, "_whisper_features.py"))
features = importlib.util.module_from_spec(spec)
spec.loader.exec_module(features)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.path.join(at, "data/smart-turn-v3.2-cpu.onnx"), options)


def noise(n):
    """The high bits of a linear congruential generator."""
    out, state = np.zeros(n, np.int16), 1
    for i in range(n):
        state = (state * 1664525 + 1013904223) % (1 << 32)
        out[i] = (state >> 16) // 8 - 4096
    return out


def tone(n):
    """440 Hz, a square."""
    return np.where(np.arange(n) * 880 // 16000 % 2 == 0, 8000, -8000).astype(np.int16)


def prompt(name):
    """One of Debian's recorded prompts; every sample twice makes 16 kHz of 8."""
    with wave.open(f"/usr/share/asterisk/sounds/en/{name}.wav") as f:
        return np.repeat(np.frombuffer(f.readframes(f.getnframes()), "<i2"), 2)


for name, pcm in {
    "silence": np.zeros(16000, np.int16),
    "tone": tone(16000),
    "noise": noise(48000),
    "long": np.concatenate([tone(100000), noise(60000)]),
    "vm-goodbye": prompt("vm-goodbye"),
    "conf-getconfno": prompt("conf-getconfno"),
    "conf-getconfno begun": prompt("conf-getconfno")[:24000],
}.items():
    x = pcm.astype(np.float32)[-128000:] / 32768
    mel = features.compute_whisper_log_mel_features(np.pad(x, (128000 - len(x), 0)))
    p = session.run(None, {"input_features": mel[None]})[0].ravel()[0]
    print(name, f"{p:.4f}", " ".join(f"{v:.5f}" for v in mel[::10, ::50].ravel()), sep="\t")
