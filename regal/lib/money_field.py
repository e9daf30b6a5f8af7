"""Money in a database column: whole cents, in a column called `…_cents`, positive by constraint."""

from typing import TYPE_CHECKING, Any, Generic

from django.db import models
from typing_extensions import TypeVar

from regal.lib.money import Money

_Set = TypeVar("_Set", default=Money)
_Get = TypeVar("_Get", default=Money)

if TYPE_CHECKING:

    class _Column(models.Field[_Set, _Get]):
        pass

else:

    class _Column(models.BigIntegerField, Generic[_Set, _Get]):
        pass


class MoneyField(_Column[_Set, _Get]):
    """Holds a `Money`; the column is `<name>_cents`. The check constraint stands in the model's Meta."""

    description = "A whole number of euro cents"

    def get_attname_column(self) -> tuple[str, str]:
        attname, _ = super().get_attname_column()
        return attname, f"{self.name}_cents"

    def from_db_value(self, value: int | None, expression: Any, connection: Any) -> Money | None:
        return None if value is None else Money(value)

    def to_python(self, value: Any) -> Money | None:
        if value is None or isinstance(value, Money):
            return value
        return Money(int(value))

    def get_prep_value(self, value: Any) -> int | None:
        """Whole cents; a bare int is taken in queries and constraints only."""
        if value is None or type(value) is int:
            return value
        if not isinstance(value, Money):
            raise TypeError(f"expected Money, got {type(value).__name__}")
        return value.cents

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """What is stored must come as Money."""
        if type(value) is int:
            raise TypeError("expected Money, got int")
        return super().get_db_prep_save(value, connection)
