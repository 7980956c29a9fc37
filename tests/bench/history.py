"""Three years of a busy company, by SQL: about seven events a journey, of every kind that figures rest on."""

from contextlib import closing
from typing import Any

from .database import Bench

# The way down the funnel that a journey goes some part of; then it may be lost.
WAY = (
    ("lead_created", "new"), ("first_response", "contacted"), ("first_meeting_held", "met"), ("brief_filled", "briefed"),
    ("handed_off", "handed_off"), ("sal_accepted", "accepted"), ("demo_held", "demo_held"),
    ("sql_qualified", "qualified"), ("proposal_requested", "proposal_requested"), ("proposal_sent", "proposal_sent"),
    ("contract_requested", "contract_requested"), ("contract_sent", "contract_sent"), ("contract_signed", "won"),
    ("payment_received", ""), ("payment_received", ""),
)  # fmt: skip

FILL = """
SELECT setseed(0.42);
CREATE TEMP TABLE way AS
SELECT n, steps, at, gap, fate,
       (SELECT (array_agg(id ORDER BY id))[1 + n %% 6] FROM funnel_source WHERE key LIKE 'source%%') AS source_id,
       (SELECT (array_agg(id ORDER BY id))[1 + n %% 20] FROM funnel_campaign WHERE key LIKE 'campaign%%') AS campaign_id,
       seller.id AS owner_id, seller.team_id
  FROM (SELECT n, 1 + floor(random() * 13.9)::int AS steps,
               timestamptz '2026-10-20 12:00+00' - random() * 1095 * interval '1 day' AS at,
               (1 + random() * 50) * interval '1 hour' AS gap, random() AS fate
          FROM generate_series(1, %(size)s) n) AS each
  JOIN (SELECT row_number() OVER (ORDER BY id) - 1 AS place, id, team_id FROM funnel_user WHERE role = 'salesperson')
       AS seller ON seller.place = n %% 20;

INSERT INTO funnel_contact (id, name, email, phone, language, region, created_at)
SELECT 10000000 + n, 'Person ' || n, 'h' || n || '@load.example', '', '', '', now() FROM way;

INSERT INTO funnel_journey (id, contact_id, kind, source_id, campaign_id, owner_id, stage, stage_since, seq, created_at)
SELECT 10000000 + n, 10000000 + n, 'new', source_id, campaign_id, owner_id, 'new', at, steps + 1, at FROM way;

CREATE TEMP TABLE told AS
SELECT n, k AS seq, (%(events)s::text[])[k] AS event, (%(stages)s::text[])[k] AS stage_to,
       at + (k - 1 + CASE WHEN k > 1 THEN random() * 0.9 ELSE 0 END) * gap AS occurred_at
  FROM way, generate_series(1, steps) k
UNION ALL
SELECT n, steps + 1, CASE WHEN steps < 3 AND fate < 0.1 THEN 'marked_spam' WHEN steps < 6 THEN 'lead_lost'
       ELSE 'deal_lost' END, CASE WHEN steps < 3 AND fate < 0.1 THEN 'spam' ELSE 'lost' END, at + (steps + 0.5) * gap
  FROM way WHERE steps < 13 AND fate < 0.7;

INSERT INTO funnel_event (journey_id, seq, event, stage_from, stage_to, occurred_at, recorded_at, act, value, amount,
                          currency, reason, inputs, source_id, campaign_id, owner_id, team_id)
SELECT 10000000 + n, seq, event, '', stage_to, occurred_at, occurred_at, gen_random_uuid(), '',
       CASE WHEN event IN ('contract_signed', 'payment_received') THEN 1000 + n %% 9000 END, '',
       CASE WHEN stage_to = 'lost' THEN 'price' ELSE '' END, '{}', source_id, campaign_id, owner_id, team_id
  FROM told JOIN way USING (n) ORDER BY occurred_at;
"""


def people() -> None:
    """Make whom and what the history refers to, in the database of this process."""
    from funnel.models import Campaign, Source, Team, User  # the bench itself runs without Django

    Source.objects.bulk_create([Source(key=f"source{n}") for n in range(6)])
    Campaign.objects.bulk_create([Campaign(key=f"campaign{n}") for n in range(20)])
    teams = Team.objects.bulk_create([Team(name=f"Team {n}") for n in range(4)])
    User.objects.bulk_create(
        [User(username=f"seller{n}", role="salesperson", team=teams[n % 4]) for n in range(20)]
    )


def write(cursor: Any, *, journeys: int) -> None:
    """Write the history of so many journeys; `people` must be there."""
    events, stages = zip(*WAY, strict=True)
    cursor.execute(FILL, {"size": journeys, "events": list(events), "stages": list(stages)})


def fill(bench: Bench) -> int:
    """Write the history beside what is there; return how many events there are then."""
    bench.manage("shell", "-v0", "-c", "from tests.bench.history import people; people()")
    with closing(bench.connect()) as connection, connection.cursor() as cursor:
        write(cursor, journeys=bench.size)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM funnel_event")
        (count,) = cursor.fetchone()
    return int(count)
