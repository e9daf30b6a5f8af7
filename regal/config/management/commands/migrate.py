"""`regal migrate`: Django's, and an empty database has its tables in a sixth of the time.

At each step Django draws anew the model that changes with all its relatives: here every table belongs to a town, so
that is nearly all of them, each time. But a field, an index or a constraint more changes no other model: it is enough
to change the model as it is drawn.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.commands.migrate import Command as DjangosCommand
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django.db.models.options import Options
from django.utils.functional import cached_property

_KEPT_ANSWERS = [name for name, value in vars(Options).items() if isinstance(value, cached_property)]


class Command(DjangosCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        """A database that holds something is migrated as Django does it: only there do migrations look at rows."""
        is_empty = not MigrationRecorder(connections[options["database"]]).has_table()
        with models_altered_in_place() if is_empty else nullcontext():
            super().handle(*args, **options)


@contextmanager
def models_altered_in_place() -> Iterator[None]:
    """Meanwhile a model that gains a field, gains or loses an index or a constraint stays the class that it was."""
    in_place: dict[str, Callable[..., None]] = {
        "add_field": _draw_field,
        "_append_option": _draw_option,
        "_remove_option": _draw_option,
    }
    theirs = {name: getattr(ProjectState, name) for name in in_place}
    for name, draw in in_place.items():
        setattr(ProjectState, name, _noted_by(theirs[name], then=draw))
    try:
        yield
    finally:
        for name, method in theirs.items():
            setattr(ProjectState, name, method)


def _noted_by(method: Callable[..., None], *, then: Callable[..., None]) -> Callable[..., None]:
    """Django's method without its drawing, which it leaves when nothing is drawn yet; then ours."""

    def note(state: ProjectState, app_label: str, model_name: str, *what: Any) -> None:
        drawn = vars(state).pop("apps", None)
        method(state, app_label, model_name, *what)
        if drawn is not None:
            vars(state)["apps"] = drawn
            meta = drawn.get_model(app_label, model_name)._meta
            then(state, meta, what[0])
            for name in _KEPT_ANSWERS:
                vars(meta).pop(name, None)

    return note


def _draw_field(state: ProjectState, meta: Any, name: str) -> None:
    meta.model.add_to_class(name, state.models[meta.app_label, meta.model_name].fields[name].clone())
    state.apps.clear_cache()


def _draw_option(state: ProjectState, meta: Any, option: str) -> None:
    setattr(meta, option, list(state.models[meta.app_label, meta.model_name].options[option]))
