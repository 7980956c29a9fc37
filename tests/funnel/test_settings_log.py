"""Settings under the eyes of several people: both versions on a stale save, who changed what, undo."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.models import ApiToken, Campaign, Organisation, Reason, Service, SettingChange, Source, Team, User
from funnel.settings_log import CannotUndo, undo
from funnel.stages import Role, Stage
from tests.factories import people, team

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = people(Role.ADMINISTRATOR, "ada")
    client.force_login(user)
    return user


def form_of(client, address: str) -> dict[str, str]:
    """What a browser would send back unchanged: the inputs of the page's form that have a value."""
    form = client.get(address).context["form"]
    values = {field.html_name: field.value() for field in form}
    data = {name: value for name, value in values.items() if value is not False and value not in (None, "")}
    return data | {"mark": client.get(address).context["mark"]}


def pages(ada: User) -> dict[str, tuple[str, dict[str, str], dict[str, str]]]:
    """Each kind of setting: its page, what somebody saves meanwhile, what the late one sends."""
    source = Source.objects.get(key="web")
    service = Service.objects.create(key="audit")
    reason = Reason.objects.filter(kind="lost").first()
    campaign = Campaign.objects.create(key="spring", source=source)
    ben, north = people(Role.SALESPERSON, "ben"), team("North")
    one, two = {"label": "Theirs"}, {"label": "Mine"}
    return {
        "organisation": (reverse("funnel:organisation"), {"name": "Theirs"}, {"name": "Mine"}),
        "stage limits": (
            reverse("funnel:stage-limits"),
            {f"{Stage.NEW}-days": "11"},
            {f"{Stage.NEW}-days": "12"},
        ),
        "source": (reverse("funnel:catalogue-entry", args=["sources", source.pk]), one, two),
        "campaign": (reverse("funnel:catalogue-entry", args=["campaigns", campaign.pk]), one, two),
        "service": (reverse("funnel:catalogue-entry", args=["services", service.pk]), one, two),
        "reason": (reverse("funnel:catalogue-entry", args=["reasons", reason.pk]), one, two),
        "person": (reverse("funnel:user", args=[ben.pk]), {"name": "Theirs"}, {"name": "Mine"}),
        "team": (reverse("funnel:team", args=[north.pk]), {"name": "Theirs"}, {"name": "Mine"}),
        "profile": (reverse("funnel:profile"), {"name": "Theirs"}, {"name": "Mine"}),
    }


@pytest.mark.parametrize(
    "kind",
    ["organisation", "stage limits", "source", "campaign", "service", "reason", "person", "team", "profile"],
)
def test_a_stale_save_shows_both_versions_and_saves_nothing(client, ada, kind) -> None:
    page, meanwhile, late = pages(ada)[kind]
    drawn = form_of(client, page)
    assert client.post(page, drawn | meanwhile).status_code == 303
    kept = SettingChange.objects.latest("pk")
    (yours,), (theirs,) = late.values(), meanwhile.values()
    answer = client.post(page, drawn | late)
    assert answer.status_code == 409
    shown = re.search(r'class="faults versions".*?</table>', answer.content.decode(), re.DOTALL)[0]
    assert f"<td>{theirs}</td><td>{yours}</td>" in shown
    assert "Nothing was saved" in shown
    assert SettingChange.objects.latest("pk") == kept
    # whoever has seen both may put theirs in the place of the other
    again = drawn | late | {"mark": answer.context["mark"]}
    assert client.post(page, again).status_code == 303
    assert list(SettingChange.objects.latest("pk").after.values()) == [
        int(yours) if yours.isdigit() else yours
    ]


def test_a_form_sent_twice_or_without_a_change_is_no_quarrel_and_no_change(client, ada) -> None:
    page = reverse("funnel:organisation")
    drawn = form_of(client, page) | {"name": "Northlane"}
    for _turn in range(2):
        assert client.post(page, drawn).status_code == 303
    assert SettingChange.objects.count() == 1


def test_what_changed_is_kept_with_who_and_shown_in_words(client, ada) -> None:
    page = reverse("funnel:organisation")
    client.post(page, form_of(client, page) | {"business_days": ["1", "2"], "opens": "08:30"})
    change = SettingChange.objects.get()
    assert (change.actor, change.before["opens"], change.after["opens"]) == (ada, "09:00:00", "08:30:00")
    assert set(change.after) == {"business_days", "opens"}
    for address in (page, reverse("funnel:setting-changes")):
        words = " ".join(re.sub(r"<[^>]+>", " ", client.get(address).content.decode()).split())
        assert "Business days: Mon, Tue, Wed, Thu, Fri → became Mon, Tue" in words
        assert "Opens at: 09:00 → became 08:30" in words
        assert "ada ·" in words


def test_a_change_is_undone_and_the_undo_too(client, ada) -> None:
    page = reverse("funnel:catalogue-entry", args=["sources", Source.objects.get(key="web").pk])
    label = Source.objects.get(key="web").label
    client.post(page, form_of(client, page) | {"label": "Our site"})
    for expected in (label, "Our site"):
        change = SettingChange.objects.latest("pk")
        client.post(reverse("funnel:setting-undo", args=[change.pk]))
        assert Source.objects.get(key="web").label == expected
    assert [bool(change.undoes_id) for change in SettingChange.objects.order_by("pk")] == [False, True, True]


def test_an_undo_touches_only_what_the_change_touched_and_never_what_changed_since(client, ada) -> None:
    page = reverse("funnel:organisation")
    client.post(page, form_of(client, page) | {"name": "Northlane"})
    first = SettingChange.objects.latest("pk")
    client.post(page, form_of(client, page) | {"undo_days": "5"})
    undo(change=first, actor=ada, at=first.at)
    found = Organisation.current()
    assert (found.name, found.undo_days) == ("My company", 5)
    client.post(page, form_of(client, page) | {"name": "A"})
    second = SettingChange.objects.latest("pk")
    client.post(page, form_of(client, page) | {"name": "B"})
    with pytest.raises(CannotUndo, match="changed it since"):
        undo(change=second, actor=ada, at=second.at)
    assert Organisation.current().name == "B"
    with pytest.raises(CannotUndo, match="undone already"):
        undo(change=first, actor=ada, at=first.at)


def test_what_was_made_by_mistake_goes_unless_it_is_in_use(client, ada) -> None:
    for key in ("mistake", "used"):
        client.post(reverse("funnel:catalogue-new", args=["sources"]), {"key": key})
    made, used = SettingChange.objects.order_by("pk")
    Campaign.objects.create(key="c", source=Source.objects.get(key="used"))
    client.post(reverse("funnel:setting-undo", args=[made.pk]))
    answer = client.post(reverse("funnel:setting-undo", args=[used.pk]), follow=True)
    assert "It is in use by now" in answer.content.decode()
    assert set(Source.objects.filter(key__in=["mistake", "used"]).values_list("key", flat=True)) == {"used"}
    # and what went comes back as it was
    undo(change=SettingChange.objects.get(undoes=made), actor=ada, at=made.at)
    assert Source.objects.get(key="mistake").pk == int(made.key)


def test_a_team_with_its_people_is_undone_and_one_taken_away_comes_back(client, ada) -> None:
    ben = people(Role.SALESPERSON, "ben")
    north = team("North")
    page = reverse("funnel:team", args=[north.pk])
    client.post(page, {"name": "North", "members": [ben.pk]})
    ben.refresh_from_db()
    assert ben.team == north
    assert "Who is in it: — → became ben" in told(client)
    client.post(reverse("funnel:team-remove", args=[north.pk]))
    assert Team.objects.filter(name="North").exists(), "somebody is in it"
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    client.post(reverse("funnel:team-remove", args=[north.pk]))
    assert not Team.objects.filter(name="North").exists()
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    assert Team.objects.get(name="North").pk == north.pk


def told(client) -> str:
    page = client.get(reverse("funnel:setting-changes")).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_undoing_leaves_an_administrator(client, ada) -> None:
    ben = people(Role.MANAGER, "ben")
    page = reverse("funnel:user", args=[ben.pk])
    client.post(page, form_of(client, page) | {"role": "administrator"})
    change = SettingChange.objects.latest("pk")
    ben.refresh_from_db()
    with pytest.raises(CannotUndo, match="your own administration"):
        undo(change=change, actor=ben, at=change.at)
    ben.refresh_from_db()
    assert ben.role == Role.ADMINISTRATOR


def test_each_reads_and_undoes_the_changes_of_what_their_role_may_set(client, ada) -> None:
    page = reverse("funnel:organisation")
    client.post(page, form_of(client, page) | {"name": "Northlane"})
    client.post(reverse("funnel:catalogue-new", args=["sources"]), {"key": "fair"})
    organisation, source = SettingChange.objects.order_by("pk")
    client.force_login(people(Role.MARKETER))
    words = told(client)
    assert "fair" in words
    assert "Northlane" not in words
    assert client.post(reverse("funnel:setting-undo", args=[organisation.pk])).status_code == 403
    assert client.post(reverse("funnel:setting-undo", args=[source.pk])).status_code == 303
    client.force_login(people(Role.SALESPERSON))
    assert client.get(reverse("funnel:setting-changes")).status_code == 403
    assert client.post(reverse("funnel:setting-undo", args=[source.pk])).status_code == 403


def test_the_list_of_changes_costs_the_same_for_one_and_for_many(client, ada) -> None:
    north = [team(name) for name in ("North", "South", "West")]
    for number in range(60):
        page = reverse("funnel:user", args=[people(Role.SALESPERSON, f"p{number % 4}").pk])
        client.post(page, form_of(client, page) | {"team": str(north[number % 3].pk)})
    page = reverse("funnel:setting-changes")
    client.get(page)
    counted = []
    for query in ("", "?of=person", f"?before={SettingChange.objects.order_by('pk')[1].pk}"):
        with CaptureQueriesContext(connection) as captured:
            client.get(page + query)
        counted.append(len(captured))
    assert len(set(counted)) == 1
    assert counted[0] <= 10
    assert "?before=" in client.get(page).context["next_url"]


def test_holidays_of_a_country_are_written_into_the_form_and_saved_only_then(client, ada) -> None:
    page = reverse("funnel:organisation")
    typed = form_of(client, page) | {"name": "Typed", "holidays": "2026-07-14\n2026-01-01"}
    answer = client.post(page, typed | {"act": "holidays", "country": "DE", "year": "2026"})
    assert answer.status_code == 200
    drawn = answer.context["form"]
    assert drawn["name"].value() == "Typed"
    days = drawn["holidays"].value().split()
    assert {"2026-07-14", "2026-01-01", "2026-12-25", "2026-10-03"} <= set(days)
    assert days == sorted(set(days))
    assert Organisation.current().holidays == []
    assert client.post(page, typed | {"act": "holidays", "year": "2026"}).status_code == 422
    assert client.post(page, typed | {"holidays": "\n".join(days)}).status_code == 303
    assert len(Organisation.current().holidays) == len(days)


def test_the_lists_of_the_settings_cost_the_same_for_one_three_and_a_thousand(client, ada) -> None:
    pages = [reverse(f"funnel:{name}") for name in ("user-list", "token-list", "settings", "organisation")]
    pages += [reverse("funnel:catalogue", args=[slug]) for slug in ("sources", "campaigns", "reasons")]
    counted: dict[str, list[int]] = {page: [] for page in pages}
    teams, source = [team("North"), team("South")], Source.objects.get(key="web")
    for more in (1, 2, 997):
        keys = [f"k{more}-{number}" for number in range(more)]
        User.objects.bulk_create(
            User(username=key, role=Role.SALESPERSON, team=teams[number % 2])
            for number, key in enumerate(keys)
        )
        ApiToken.objects.bulk_create(
            ApiToken(user=User.objects.get(username=key), digest=key, scopes=["read"]) for key in keys[:100]
        )
        Source.objects.bulk_create(Source(key=key) for key in keys)
        Campaign.objects.bulk_create(Campaign(key=key, source=source) for key in keys)
        Reason.objects.bulk_create(Reason(kind="lost", key=key) for key in keys)
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(page).status_code == 200
            counted[page].append(len(captured))
    assert {page: counts for page, counts in counted.items() if len(set(counts)) > 1} == {}
    assert max(counts[0] for counts in counted.values()) <= 12


def test_an_undo_leads_back_to_where_it_was_pressed(client, ada) -> None:
    page = reverse("funnel:organisation")
    client.post(page, form_of(client, page) | {"name": "Northlane"})
    address = reverse("funnel:setting-undo", args=[SettingChange.objects.get().pk])
    answer = client.post(address, headers={"Referer": f"http://testserver{page}"})
    assert answer.url == f"http://testserver{page}"
    answer = client.post(address, headers={"Referer": "https://elsewhere.example/"})
    assert answer.url == reverse("funnel:settings")
