"""What the server says, message by message."""

from __future__ import annotations

from typing import Any

from .characters import Cast, Character
from .speech import EMOTION_KEY, SLICE_MS, Speech

Message = dict[str, Any]

GROUP_UPDATE: Message = {"type": "group-update", "members": [], "is_owner": False}
START_MIC: Message = {"type": "control", "text": "start-mic"}
CHAIN_START: Message = {"type": "control", "text": "conversation-chain-start"}
CHAIN_END: Message = {"type": "control", "text": "conversation-chain-end"}
SYNTH_COMPLETE: Message = {"type": "backend-synth-complete"}
FORCE_NEW_MESSAGE: Message = {"type": "force-new-message"}
INTERRUPTED: Message = {"type": "interrupt-signal", "text": "conversation-interrupted"}
HEARTBEAT_ACK: Message = {"type": "heartbeat-ack"}


def full_text(text: str) -> Message:
    """A line for the page's subtitles."""
    return {"type": "full-text", "text": text}


def model_and_conf(character: Character) -> Message:
    """The avatar and the name of a character."""
    return {
        "type": "set-model-and-conf",
        "model_info": character.model_info,
        "conf_name": character.conf_name,
        "conf_uid": character.conf_uid,
    }


def config_files(cast: Cast) -> Message:
    """The characters that a page may switch to."""
    configs = [
        {"filename": character.file, "name": character.conf_name} for character in cast.characters
    ]
    return {"type": "config-files", "configs": configs}


def config_switched(file: str) -> Message:
    """The page's character has changed."""
    return {"type": "config-switched", "message": f"Switched to config: {file}"}


def transcription(text: str) -> Message:
    """What the microphone heard."""
    return {"type": "user-input-transcription", "text": text}


def audio(character: Character, sentence: str, speech: Speech | None) -> Message:
    """One sentence of a reply, with its sound unless there is none."""
    known = [
        character.emotions[key]
        for key in EMOTION_KEY.findall(sentence)
        if key in character.emotions
    ]
    return {
        "type": "audio",
        "audio": speech and speech.wav_base64,
        "volumes": list(speech.volumes) if speech else [],
        "slice_length": SLICE_MS,
        "display_text": {"text": sentence, "name": character.name, "avatar": character.avatar},
        "actions": {"expressions": known} if known else {},
        "forwarded": False,
    }


def error(text: str) -> Message:
    """Something went wrong; the connection stays."""
    return {"type": "error", "message": text}
