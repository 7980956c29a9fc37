"""Choosing one's digests, seeing one before it goes out, and ending them by the link in a mail."""

import base64
import hashlib
import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from funnel.access import Permission
from funnel.models import Organisation, User
from funnel.toasts import toast
from funnel.views.base import permitted, person

from . import choices, letters
from .forms import NAMES, ChoiceForm, PreviewForm
from .periods import KINDS


@permitted(Permission.SEE_REPORTS)
@require_http_methods(["GET", "HEAD", "POST"])
def choice(request: HttpRequest) -> HttpResponse:
    """Let somebody choose which digests come by e-mail."""
    user = person(request)
    chosen = choices.chosen(user)
    form = ChoiceForm(
        request.POST if request.method == "POST" else None, initial={kind: kind in chosen for kind in KINDS}
    )
    if request.method == "POST" and form.is_valid():
        choices.choose(user=user, kinds=[kind for kind in KINDS if form.cleaned_data[kind]])
        toast(request, _("Saved"))
        return redirect("kpi:digest")
    return render(request, "kpi/digest.html", {"form": form, "kinds": NAMES.items()})


@permitted(Permission.SEE_REPORTS)
@require_GET
def preview(request: HttpRequest) -> HttpResponse:
    """Show the digest that the reader would get (`?kind=weekly|monthly&date=`): subject and both parts."""
    form = PreviewForm(request.GET, organisation=_organisation(request))
    context: dict[str, Any] = {
        "form": form,
        "kinds": NAMES.items(),
        "crumbs": [{"url": reverse("kpi:digest"), "label": _("E-mail digests")}],
    }
    if not form.is_valid():
        return render(request, "kpi/digest_preview.html", context, status=400)
    context |= {
        "letter": _letter(request, form),
        "other_language": _other_language(person(request)),
        "kind": form.cleaned_data["kind"],
        "mail_url": f"{reverse('kpi:digest-mail')}?{request.GET.urlencode()}",
    }
    return render(request, "kpi/digest_preview.html", context)


@permitted(Permission.SEE_REPORTS)
@require_GET
def mail(request: HttpRequest) -> HttpResponse:
    """Show the HTML part as a page of its own, framed by the preview: with its own style, and nothing else."""
    form = PreviewForm(request.GET, organisation=_organisation(request))
    if not form.is_valid():
        return HttpResponse(status=400)
    html = _letter(request, form).html
    response = HttpResponse(html)
    style = re.search(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    response.xframe_options_exempt = True  # browsers follow frame-ancestors
    response._csp_replace = {  # type: ignore[attr-defined]  # read by django-csp
        "default-src": ["'none'"],
        "style-src": [f"'sha256-{digest}'"],
        "frame-ancestors": ["'self'"],
    }
    return response


@csrf_exempt  # mail programs post here by themselves; the signed address is what permits it
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """End one kind of digest for whoever got the mail, without signing in: a click here, or a mail program's POST."""
    found = choices.reader_of(token)
    if found is None:
        return render(request, "kpi/digest_stop.html", {"is_unknown": True}, status=404)
    user, kind = found
    if request.method == "POST":
        choices.choose(user=user, kinds=choices.chosen(user) - {kind})
    context = {"kind": NAMES[kind], "reader": user, "is_done": kind not in choices.chosen(user)}
    return render(request, "kpi/digest_stop.html", context)


def _letter(request: HttpRequest, form: PreviewForm) -> letters.Letter:
    return letters.write(
        user=person(request),
        organisation=form.organisation,
        kind=form.cleaned_data["kind"],
        period=form.period,
        now=timezone.now(),
    )


def _other_language(user: User) -> str:
    """Name the language of the reader's mail where it is not that of the page; "" where it is."""
    code = letters.language_of(user)
    return "" if code == translation.get_language() else translation.get_language_info(code)["name_local"]


def _organisation(request: HttpRequest) -> Organisation:
    organisation: Organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    return organisation
