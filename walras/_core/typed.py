"""Typed values from outside: what a file or a command line says becomes a model, or one message that names the field."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from walras._core.errors import InputError, UnknownName


class Typed(BaseModel):
    """A frozen value with typed, bounded fields; unknown fields are errors that suggest the nearest name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())

    @classmethod
    def read(cls, value: Any, where: str) -> Self:
        """From plain data (JSON, TOML) that was read at `where`.

        Raises:
            UnknownName: for a field that does not exist.
            InputError: for a value of another type or outside its bounds, naming the field.
        """
        if not isinstance(value, dict):
            remedy = f"Give a table of fields: {', '.join(cls.model_fields)}."
            raise InputError(f"a {cls.__name__} was expected", where=where, number=type(value).__name__, remedy=remedy)
        for name in value:
            if name not in cls.model_fields:
                raise UnknownName("field", str(name)[:100], cls.model_fields, where=where)
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part)[:100] for part in first["loc"]) or cls.__name__
            got = repr(first.get("input"))[:100]
            raise InputError(f"{field}: {first['msg']}", where=where, number=got, remedy=_remedy(cls, first)) from None
        except (RecursionError, OverflowError, UnicodeError) as error:
            raise InputError(f"it cannot be read ({type(error).__name__})", where=where) from error


def _remedy(cls: type[BaseModel], first: Any) -> str:
    about = cls.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    return f"It is: {about.description}." if about is not None and about.description else "Correct the field."
