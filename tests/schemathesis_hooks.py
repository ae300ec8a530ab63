"""What schemathesis makes up, kept to what JSON Schema and the API take for the same."""

from itertools import count

import schemathesis

callers = count()


def whole(value):
    """Whole numbers without a fraction: JSON Schema takes 5.0 for one, and the API does not."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


def is_spaced(value):
    """Whether a text has spaces around it, which the API takes off before it judges the rest."""
    return isinstance(value, str) and value != value.strip()


@schemathesis.hook
def filter_body(context, body):
    fields = list(body.values()) if isinstance(body, dict) else []
    inner = [value for field in fields if isinstance(field, dict) for value in field.values()]
    return not any(is_spaced(value) for value in fields + inner)


@schemathesis.hook
def map_body(context, body):
    return whole(body)


@schemathesis.hook
def map_query(context, query):
    return whole(query)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each call is another caller's: of one address the Worker takes so many wrong secrets a minute, and no more."""
    number = next(callers)
    case.headers["cf-connecting-ip"] = f"198.18.{number // 256 % 256}.{number % 256}"
