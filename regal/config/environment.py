"""Settings come from environment variables, or from files named by `NAME_FILE`; nothing else is read."""

import os
from pathlib import Path


class BadSetting(Exception):
    """A setting that stops the start; its text is one French sentence naming the remedy."""


def text(name: str, default: str = "") -> str:
    """The value of `name`, or the content of the file that `name_FILE` names, without surrounding blanks."""
    if value := os.environ.get(name, ""):
        return value.strip()
    if path := os.environ.get(f"{name}_FILE", ""):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{name}_FILE : le fichier « {path} » ne peut pas être lu comme un texte.") from error
    return default


def flag(name: str) -> bool:
    """True for 1, true, yes, on, oui; False for nothing, 0, false, no, off, non."""
    value = text(name).lower()
    if value in {"1", "true", "yes", "on", "oui"}:
        return True
    if value in {"", "0", "false", "no", "off", "non"}:
        return False
    raise BadSetting(f"{name} : « {value} » n’est ni 1 ni 0 ; écrivez {name}=1 ou retirez ce réglage.")


def number(name: str, default: int) -> int:
    """A whole number, or `default` where the setting is absent."""
    value = text(name)
    if not value:
        return default
    if not value.isdecimal():
        raise BadSetting(f"{name} : « {value} » n’est pas un nombre entier.")
    return int(value)


def words(name: str) -> list[str]:
    """A list separated by commas or blanks."""
    return text(name).replace(",", " ").split()
