"""What a developer sends about an app: JSON or, with the logo as a file, multipart/form-data (platform reference §3.2).

Both become the same input, so that both are refused in the same words.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_origin

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from appanage.api.app_bodies import AppInput
from appanage.api.app_logos import fetched_logo, require_may_change
from appanage.api.call import Call
from appanage.apps import logos
from appanage.kit.http import media_type_of
from appanage.kit.multipart import MULTIPART, BrokenMultipart, Part, parts_of

MOST_FIELDS = 300

Parts = dict[str, list[str | UploadFile]]

T = TypeVar("T", bound=AppInput)
T_co = TypeVar("T_co", bound=AppInput, covariant=True)


@dataclass(frozen=True, slots=True)
class Submission(Generic[T_co]):
    """What was said, and the content of the logo: of the file that came with it, or of what was found at its address."""

    said: T_co
    logo: bytes | None = None


def submitted(model: type[T]) -> Any:
    """Declares the body of an endpoint that makes or changes an app."""

    async def read(request: Request) -> Submission[T]:
        call: Call = request.state.call
        app_id = request.path_params.get("application_id")
        media_type = media_type_of(request.headers.get("content-type", ""))
        if media_type == MULTIPART:
            # Nobody else's upload is taken in at all.
            await run_in_threadpool(require_may_change, call, app_id)
            fields, logo = await _read_multipart(request)
        else:
            fields, logo = await _read_json(request, media_type), None
        said = _validated(model, fields)
        if said.logo_url:
            logo = await fetched_logo(request, app_id, said.logo_url)
        return Submission(said, logo)

    return Depends(read)


def described(model: type[AppInput]) -> dict[str, Any]:
    """The body in the description of the API, in both of its forms."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # they are among the schemas of the answers
    picture = {"title": "Logo", "type": "string", "format": "binary", "description": "A PNG or JPEG picture."}
    address = schema["properties"]["logo"]
    form = schema | {"properties": schema["properties"] | {"logo": {"anyOf": [picture, address]}}}
    content = {"application/json": {"schema": schema}, MULTIPART: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def _validated(model: type[T], fields: Any) -> T:
    try:
        return model.model_validate(fields)
    except ValidationError as cause:
        raise RequestValidationError(
            [one | {"loc": ("body", *one["loc"])} for one in cause.errors()]
        ) from cause


async def _read_json(request: Request, media_type: str) -> Any:
    body = await request.body()
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required"}])
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HTTPException(415, f"Content type '{media_type}' not supported")
    try:
        return json.loads(body)
    except json.JSONDecodeError as cause:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body",), "msg": str(cause)}]
        ) from cause
    except (ValueError, RecursionError) as cause:
        raise HTTPException(400) from cause


async def _read_multipart(request: Request) -> tuple[Mapping[str, Any], bytes | None]:
    """The fields by their names in JSON, and the logo if it came as a file."""
    try:
        async with parts_of(request, most_files=4, most_fields=MOST_FIELDS) as parts:
            given = _gathered(parts)
            logo = await _taken_file(given)
    except BrokenMultipart as cause:
        raise _malformed(None, "cannot be read as multipart/form-data") from cause
    return {name: _value(name, values) for name, values in given.items()}, logo


def _gathered(parts: Iterable[Part]) -> Parts:
    """The parts of each field. Unknown ones are ignored; `name[]` is another spelling of the name of a list."""
    given: Parts = {}
    for name, value in parts:
        bare = name.removesuffix("[]")
        field = bare if _SHAPES.get(bare) is list else name
        if field in _SHAPES:
            given.setdefault(field, []).append(value)
    return given


async def _taken_file(given: Parts) -> bytes | None:
    """The logo, taken out of the rest, if it is a file."""
    values = given.get("logo", [])
    if len(values) != 1 or isinstance(values[0], str):
        return None
    del given["logo"]
    logos.require_size(values[0].size or 0)
    return await values[0].read()


def _value(name: str, values: list[str | UploadFile]) -> Any:
    shape = _SHAPES[name]
    if len(values) > 1 and shape is not list:
        raise _malformed(name, "is given more than once")
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        raise _malformed(name, "must be text, not a file")
    if shape is list:
        return _list(name, texts)
    return _parsed(name, texts[0]) if shape is dict else texts[0]


def _list(name: str, texts: list[str]) -> Any:
    """Every part is one entry, unless a single part holds all of them as a JSON array."""
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        return _parsed(name, texts[0])
    return [text for text in texts if text]


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise _malformed(name, "is not valid JSON") from cause


def _malformed(name: str | None, reason: str) -> RequestValidationError:
    place = ("body", name) if name else ("body",)
    return RequestValidationError([{"type": "value_error", "loc": place, "msg": reason}])


def _shapes() -> Iterator[tuple[str, Any]]:
    for field in AppInput.model_fields.values():
        alias = field.validation_alias
        for name in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            yield str(name), get_origin(field.annotation)


_SHAPES = dict(_shapes())
"""The fields by every name that they have on the wire, with `list` or `dict` for those that are more than one text."""
