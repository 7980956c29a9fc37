"""Companies are compared by their names without case, punctuation and legal form; the database does it, indexed."""

from django.db import migrations

LEGAL_FORMS = (
    "gmbh mbh ag kg kgaa se ug ohg ev ltd limited llc llp lp inc incorporated corp corporation co plc sa sas sarl srl "
    "spa bv nv oy ab aps pty pte kft sro doo ооо оао зао пао ао ип тоо чп нко гк"
)
FORWARD = """
CREATE FUNCTION leads_company_key(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(nullif(bare, ''), whole) FROM (
        SELECT whole, btrim(regexp_replace(' ' || whole || ' ', '( (LEGAL_FORMS))+(?= )', '', 'g')) AS bare
        FROM (
            SELECT btrim(regexp_replace(
                replace(lower(name), '.', ''), '[][\\s"''`´«»“”„‚‘’,;:!?(){}/\\\\&+_*#@|<>=-]+', ' ', 'g'
            )) AS whole
        ) AS plain
    ) AS stripped
$$;
CREATE INDEX leads_company_by_key ON funnel_company (leads_company_key(name));
""".replace("LEGAL_FORMS", "|".join(LEGAL_FORMS.split()))
BACKWARD = """
DROP INDEX leads_company_by_key;
DROP FUNCTION leads_company_key(text);
"""


class Migration(migrations.Migration):
    dependencies = [("leads", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
