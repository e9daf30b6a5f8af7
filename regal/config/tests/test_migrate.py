"""Models altered in place while migrations run are the models that Django would have drawn anew."""

from typing import Any

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models import Field, Model

from regal.config.management.commands.migrate import models_altered_in_place


def drawn(field: Any) -> tuple[Any, ...]:
    """How a migration writes a field; the field that an array holds compares by identity, so it is written too."""
    path, args, options = field.deconstruct()[1:]
    return path, args, {name: drawn(one) if isinstance(one, Field) else one for name, one in options.items()}


def told(model: type[Model]) -> dict[str, Any]:
    """Everything a migration may ask of a model."""
    meta = model._meta
    fields = [field for field in meta.get_fields(include_hidden=True) if field.concrete]
    return {
        "table": meta.db_table,
        "fields": {field.name: drawn(field) for field in fields},
        "columns": [field.get_attname_column() for field in meta.local_concrete_fields],
        "related": {field.name: str(field.related_model) for field in fields if field.is_relation},
        "pointed to by": sorted(str(one) for one in meta.related_objects),
        "indexes": [index.deconstruct() for index in meta.indexes],
        "constraints": [constraint.deconstruct() for constraint in meta.constraints],
    }


def test_are_what_django_would_have_drawn_anew():
    loader = MigrationLoader(None)
    state = ProjectState(real_apps=set(loader.unmigrated_apps))
    with models_altered_in_place():
        assert not list(state.apps.get_models())
        for app_label, name in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
            state = loader.get_migration(app_label, name).mutate_state(state, preserve=False)
    drawn_anew = ProjectState(models=state.models, real_apps=state.real_apps).apps.get_models(include_swapped=True)
    assert len(drawn_anew) > 60
    for model in drawn_anew:
        assert told(state.apps.get_model(model._meta.label_lower)) == told(model), model._meta.label
