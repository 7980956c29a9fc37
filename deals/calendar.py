"""Meetings as calendar files."""

from __future__ import annotations

from datetime import UTC
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vCalAddress, vText

from deals.models import Meeting
from funnel.models import Organisation


def invitation(meeting: Meeting, *, organisation: Organisation) -> bytes:
    """Return the meeting as an .ics file; its number stays the same, so that a new download replaces the old."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    event = Event()
    event.add("uid", f"meeting-{meeting.pk}@{host}")
    event.add("dtstamp", meeting.event.recorded_at.astimezone(UTC))
    event.add("dtstart", meeting.starts_at.astimezone(UTC))
    event.add("dtend", meeting.ends_at.astimezone(UTC))
    event.add("summary", _("Demo: %(client)s") % {"client": meeting.journey})
    event.add("location", meeting.place or meeting.link)
    page = settings.PUBLIC_URL + reverse("funnel:journey", args=[meeting.journey_id])
    words = [meeting.attendees, meeting.link if meeting.place else "", page]
    event.add("description", "\n".join(word for word in words if word))
    if meeting.link:
        event.add("url", meeting.link)
    gone = meeting.state in {Meeting.State.RESCHEDULED, Meeting.State.CANCELLED}
    event.add("status", "CANCELLED" if gone else "CONFIRMED")
    for person, role in ((meeting.organiser, "organizer"), (meeting.specialist, "attendee")):
        if person and person.email:
            address = vCalAddress(f"MAILTO:{person.email}")
            address.params["CN"] = vText(str(person))
            event.add(role, address)
    file = Calendar()
    file.add("prodid", "-//Onefunnel//EN")
    file.add("version", "2.0")
    file.add("name", organisation.name)
    file.add_component(event)
    return bytes(file.to_ical())
