"""The database folds names as `funnel.folding` does; search goes by the words so found.

What the function of Python knows stands here once more, as it was when these indexes were made: whoever changes it
there changes it in a new migration, which makes the indexes anew. A test compares the two.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

import funnel.words

INVISIBLE = r"[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
MARKS = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
APOSTROPHES = r"['`\u2018\u2019\u02b9-\u02bc]"
JOINTS = r"['`\u2018\u2019\u02b9-\u02bc.\u2010\u2011-]"
BETWEEN = (
    r"[\u0001-/:-`{-\u00bf\u00d7\u00f7\u02b0-\u02ff\u037e\u0387\u0589\u05be\u060c\u061b\u061f\u0964\u0"
    r"965\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\U0001f000-\U0001faff]+"
)
USUAL = (
    "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЄҐÆÐØÞẞĐĦıŁŊŒŦ",
    "абвгдежзиклмнопрстуфхцчшщъыьэюяієґæðøþßđħiłŋœŧ",
)
RARE = (
    "ƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿΑΒ"
    "ΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЅЈЉЊЋЏѠѢѤѦѨѪѬѮѰѲѴѸ"
    "ѺѼѾҀҊҌҎҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜ"
    "ԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ",
    "ɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳαβ"
    "γδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђѕјљњћџѡѣѥѧѩѫѭѯѱѳѵѹ"
    "ѻѽѿҁҋҍҏғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝ"
    "ԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
)
RARELY = r"[\u0181-\u02af\u0370-\u03ff\u0402\u0405\u0408-\u040b\u040f\u0460-\u0588]"
EXPANDED = (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"))
BARE = ("ðøđħłŋŧ", "dodhlnt")
MARKED = (
    ("s\u030c", "sh"), ("s\u0301", "sh"), ("s\u0327", "sh"), ("s\u0326", "sh"), ("c\u030c", "ch"),
    ("c\u0301", "ch"), ("c\u0327", "ch"), ("z\u030c", "zh"), ("z\u0301", "zh"), ("z\u0307", "zh"),
    ("u\u0308", "iu"), ("o\u0308", "oe"), ("a\u0308", "ae"), ("ø", "oe"),
)  # fmt: skip
SOUNDS = ("wqyjðđħłŋŧ", "vkiiddhlnt")
SPELLINGS = (
    ("x", "ks"), ("schtsch", "w"), ("shch", "w"), ("tsch", "q"), ("sch", "w"), ("sh", "w"), ("tch", "q"),
    ("chr", "kr"), ("ch", "q"), ("dzh", "i"), ("zh", "j"), ("kh", "h"), ("ph", "f"), ("th", "t"),
)  # fmt: skip
TS = (("ts", "c"), ("tz", "c"), ("дж", "i"), ("ю", "iu"), ("я", "ia"))
CYRILLIC = ("абвгґдеєжзиіклмнопрстуфхцчшщыэъь", "abvggdeejziiklmnoprstufhcqwwie")
VOWELS = (("ie", "e"), ("io", "e"), ("ae", "e"), ("oe", "e"), ("ue", "iu"))
TWICE = r"([a-z])\1+"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        text = f"replace({text}, {quoted(old)}, {quoted(new)})"
    return text


def without(text: str, pattern: str, new: str = "") -> str:
    return f"regexp_replace({text}, {quoted(pattern)}, {quoted(new)}, 'g')"


def translated(text: str, letters: tuple[str, str]) -> str:
    return f"translate({text}, {quoted(letters[0])}, {quoted(letters[1])})"


FUNCTIONS = f"""
CREATE FUNCTION funnel_words(text text, near boolean) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    seen text := {translated('lower(normalize(left($1, 10000), NFKD) COLLATE "C")', USUAL)};
    token text;
    plain text;
    spelt text;
    found text[] := '{{}}';
BEGIN
    IF seen ~ {quoted(RARELY)} THEN
        seen := {translated("seen", RARE)};
    END IF;
    seen := {without("seen", INVISIBLE)};
    IF seen ~ {quoted(JOINTS)} THEN
        seen := {without("seen", APOSTROPHES)}
            || ' ' || {without("seen", JOINTS, " ")} || ' ' || {without("seen", JOINTS)};
    END IF;
    FOREACH token IN ARRAY regexp_split_to_array(seen, {quoted(BETWEEN)}) LOOP
        CONTINUE WHEN token = '';
        token := left(token, 40);
        plain := token;
        IF octet_length(token) > length(token) THEN
            plain := {translated(without(replaced("token", EXPANDED), MARKS), BARE)};
            token := {without(replaced(replaced("token", MARKED), EXPANDED), MARKS)};
        END IF;
        spelt := {translated("token", SOUNDS)};
        spelt := regexp_replace({replaced("spelt", SPELLINGS)}, 'off$', 'ov');
        spelt := {translated(replaced(without("spelt", "c(?![ei])", "k"), TS), CYRILLIC)};
        spelt := {replaced(without("spelt", TWICE, chr(92) + "1"), VOWELS)};
        found := found || plain || {without("spelt", TWICE, chr(92) + "1")};
    END LOOP;
    found := array(SELECT DISTINCT word COLLATE "C" FROM unnest(found) AS word WHERE word <> '' ORDER BY 1);
    IF near THEN
        found := found || array(
            SELECT DISTINCT '~' || left(word, at) || substr(word, at + 2)
            FROM unnest(found[1:16]) AS word, generate_series(1, length(word)) AS at
            WHERE length(word) BETWEEN 4 AND 24 AND word !~ '[0-9]'
        );
    END IF;
    RETURN found;
END $$;

CREATE FUNCTION funnel_phone_ends(phone text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    digits text := regexp_replace(phone, '[^0-9]', '', 'g');
    found text[] := '{{}}';
BEGIN
    FOR at IN 1..length(digits) - 4 LOOP
        found := found || ('#' || substr(digits, at));
    END LOOP;
    RETURN found;
END $$;
"""  # noqa: S608  put together from the constants above
BACKWARD = """
DROP FUNCTION funnel_words(text, boolean);
DROP FUNCTION funnel_phone_ends(text);
"""


class Migration(migrations.Migration):
    dependencies = [("funnel", "0021_idempotency_keys_hashed")]

    operations = [
        migrations.RemoveIndex(model_name="company", name="company_words"),
        migrations.RemoveIndex(model_name="contact", name="contact_words"),
        migrations.RemoveIndex(model_name="contact", name="contact_phone_end"),
        migrations.RunSQL(FUNCTIONS, BACKWARD),
        migrations.AddIndex(
            model_name="company",
            index=GinIndex(funnel.words.company_terms(), name="company_terms"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=GinIndex(funnel.words.contact_terms(), name="contact_terms"),
        ),
    ]
