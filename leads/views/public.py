"""Public forms: seen by anyone, in other sites' frames where allowed, without scripts and without cookies."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from leads import submissions
from leads.limits import Limit, client_address
from leads.models import WebForm
from leads.public_forms import PublicForm, hidden_of, marks_of, referrer_of, submission_of
from leads.submissions import Visit


# Nobody is signed in here: the form carries no authority that another site could borrow, and sites post to it.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def public_form(request: HttpRequest, slug: str) -> HttpResponse:
    """Draw a web form, or take a filled-in one."""
    web_form = _active(slug)
    with _language(request):
        if request.method == "POST":
            return _framed(_take(request, web_form), web_form)
        return _framed(_draw(request, web_form, PublicForm(web_form=web_form)), web_form)


@require_http_methods(["GET", "HEAD"])
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """Thank, or ask to look into the mail."""
    web_form = _active(slug)
    with _language(request):
        context = {"form": web_form, "mail": web_form.double_opt_in and "mail" in request.GET}
        return _framed(render(request, "leads/public_thanks.html", context), web_form)


# The signed link is what authorises this, and no cookie: a confirmation cannot be forged from another site.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Ask for one click, since mail programs look at links by themselves; the click lets the application in."""
    web_form = _active(slug)
    with _language(request):
        pending = submissions.pending_of(token, form=web_form)
        if pending is None:
            return render(request, "leads/public_expired.html", {"form": web_form}, status=HTTPStatus.GONE)
        if request.method == "POST":
            submissions.confirm(pending, at=timezone.now())
            return _leave(web_form)
        context = {"form": web_form, "done": pending.journey_id is not None}  # type: ignore[attr-defined]
        response = render(request, "leads/public_confirm.html", context)
        add_never_cache_headers(response)
        response["Referrer-Policy"] = "no-referrer"  # the address is a key
        return response


def _active(slug: str) -> WebForm:
    forms = WebForm.objects.select_related("source", "campaign", "service", "team")
    return get_object_or_404(forms, slug=slug, active=True)


def _language(request: HttpRequest) -> Any:
    """Speak the language that the address asks for (?language=ru), else the browser's."""
    wanted = request.GET.get("language", "")
    known = dict(settings.LANGUAGES)
    return translation.override(wanted if wanted in known else translation.get_language())


def _take(request: HttpRequest, web_form: WebForm) -> HttpResponse:
    form = PublicForm(request.POST, web_form=web_form)
    if wait := Limit.named("form_address").wait(client_address(request)):
        words = _("Too many applications came from your network. Nothing was sent; please try again later.")
        form.add_error(None, ValidationError(words, code="often"))
        response = _draw(request, web_form, form, status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(wait)
        return response
    if form.trapped:
        return _leave(web_form)  # a program is thanked like anybody else, so that it learns nothing
    if form.is_valid() and (fault := _captcha_fault(request)):
        form.add_error(None, ValidationError(fault, code="captcha"))
    if not form.is_valid():
        return _draw(request, web_form, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    answers = {name: value for name, value in form.cleaned_data.items() if name not in {"consent", "website"}}
    visit = Visit(
        submission=submission_of(request.POST),
        utm=marks_of(request.POST) or marks_of(request.GET),
        referrer=referrer_of(request.POST, request.headers.get("Referer", "")),
        language=translation.get_language() or "",
    )
    submissions.submit(form=web_form, answers=answers, visit=visit, at=timezone.now())
    return _leave(web_form, mail=web_form.double_opt_in)


def _leave(web_form: WebForm, *, mail: bool = False) -> HttpResponse:
    """Lead on after a post, so that a reload sends nothing again."""
    if mail:
        url = reverse("leads:form-thanks", args=[web_form.slug]) + "?mail=1"
    else:
        url = web_form.redirect_url or reverse("leads:form-thanks", args=[web_form.slug])
    return HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)


def _captcha() -> Any:
    """Return the check that settings.FORM_CAPTCHA names, or None.

    It is called with the request and returns what is wrong, in words, or "". Its `render(request)`, where it has
    one, returns the HTML to show in the form.
    """
    name = getattr(settings, "FORM_CAPTCHA", "")
    return import_string(name) if name else None


def _captcha_fault(request: HttpRequest) -> str:
    check = _captcha()
    return str(check(request) or "") if check else ""


def _draw(request: HttpRequest, web_form: WebForm, form: PublicForm, *, status: int = 200) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    render_captcha = getattr(_captcha(), "render", None)
    context = {
        "web_form": web_form,
        "form": form,
        "hidden": hidden_of(data, request.headers.get("Referer", "")),
        "action": request.get_full_path(),
        "captcha": render_captcha(request) if render_captcha else "",
    }
    response = render(request, "leads/public_form.html", context, status=status)
    add_never_cache_headers(response)  # going back draws a new form, whose submission has a name of its own
    return response


def _framed(response: HttpResponse, web_form: WebForm) -> HttpResponse:
    """Allow the sites that the web form names to show it in a frame, and its last step to lead to another site."""
    replaced: dict[str, list[str]] = {}
    if web_form.embed_origins:
        response.xframe_options_exempt = True  # type: ignore[attr-defined]  # browsers follow frame-ancestors
        replaced["frame-ancestors"] = ["'self'", *web_form.embed_origins]
    if web_form.redirect_url:
        parts = urlsplit(web_form.redirect_url)
        replaced["form-action"] = ["'self'", f"{parts.scheme}://{parts.netloc}"]
    if replaced:
        response._csp_replace = replaced  # type: ignore[attr-defined]
    return response
