"""JSON as the database can keep it."""

import io
import json
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    """JSON without what no text column can hold: NUL characters, and halves of surrogate pairs.

    NaN and Infinity, which are not JSON, and depths or numbers beyond Python's own limits are refused as well, and
    what is larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`.
    """

    strict = True

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        try:
            data = super().parse(io.BytesIO(body), media_type, parser_context)
            whole = json.dumps(data, ensure_ascii=False)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        try:
            whole.encode()
        except UnicodeEncodeError as error:
            raise ParseError(_("The text has half of a surrogate pair.")) from error
        if "\\u0000" in whole:
            raise ParseError(_("The text has a NUL character."))
        return data
