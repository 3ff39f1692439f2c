"""Speech without a model: words to a WAV of tones, sound to a fixed phrase. One of each serves
the whole server.
"""

from __future__ import annotations

import base64
import io
import math
import re
import wave
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RATE_HZ: Final = 16_000
SLICE_MS: Final = 20
SLICE_SAMPLES: Final = RATE_HZ * SLICE_MS // 1000
WORD_SAMPLES: Final = RATE_HZ // 20
"""A word, or a Chinese character, is spoken in 50 ms."""
EMOTION_KEY: Final = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Speech:
    """One spoken sentence."""

    wav_base64: str
    volumes: tuple[float, ...]
    """Loudness of each slice of `SLICE_MS`, 0 to 1."""


def pronounceable(text: str) -> bool:
    """Whether there is anything to say apart from signs and emotion keys."""
    return any(character.isalnum() for character in EMOTION_KEY.sub("", text))


class Synthesiser:
    """Speaks a tone for each word; the word decides its pitch."""

    def __init__(self) -> None:
        self._wave = array(
            "h", (int(12_000 * math.sin(math.tau * step / RATE_HZ)) for step in range(RATE_HZ))
        )

    def synthesise(self, words: Sequence[str]) -> Speech:
        """The sound of a sentence."""
        samples = array("h")
        for word in words:
            samples.extend(self._tone(120 + zlib.crc32(word.encode("utf-8", "replace")) % 400))
        return Speech(_wav_base64(samples), _volumes(samples))

    def _tone(self, pitch_hz: int) -> array[int]:
        table, middle = self._wave, WORD_SAMPLES // 2
        return array(
            "h",
            (
                table[step * pitch_hz % RATE_HZ] * (middle - abs(step - middle)) // middle
                for step in range(WORD_SAMPLES)
            ),
        )


class Recogniser:
    """Hears whether there was a voice, not what it said."""

    def transcribe(self, samples: array[float]) -> str:
        """The words in a recording; none in silence."""
        loudest = max((abs(sample) for sample in samples[::16]), default=0.0)
        return "hello from the microphone" if loudest > 0.01 else ""


def _wav_base64(samples: array[int]) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes(samples.tobytes())
    return base64.b64encode(file.getvalue()).decode("ascii")


def _volumes(samples: array[int]) -> tuple[float, ...]:
    loudness = []
    for start in range(0, len(samples), SLICE_SAMPLES):
        part = samples[start : start + SLICE_SAMPLES]
        loudness.append(math.sqrt(sum(sample * sample for sample in part) / len(part)))
    loudest = max(loudness, default=0.0) or 1.0
    return tuple(round(value / loudest, 4) for value in loudness)
