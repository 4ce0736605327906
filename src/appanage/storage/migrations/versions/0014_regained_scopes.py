"""What an app gives up and asks for again is granted nowhere until it is decided on anew (CONS-03)."""

from alembic import op

revision = "0014"
down_revision = "0013"

# In one transaction with the change, whoever makes it; locked in the order of ids, as by everybody who locks several.
FORGET = """
CREATE FUNCTION forget_grants_of_regained_scopes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gained text[] := ARRAY(SELECT unnest(NEW.scopes) EXCEPT SELECT unnest(OLD.scopes));
BEGIN
    WITH granted AS (
        SELECT id FROM authorizations WHERE app_id = NEW.id AND ended_at IS NULL AND scopes && gained
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE authorizations SET
        scopes = ARRAY(SELECT one FROM unnest(scopes) WITH ORDINALITY AS kept (one, place) WHERE one <> ALL (gained) ORDER BY place),
        resource_scopes = (
            SELECT coalesce(jsonb_object_agg(key, (
                SELECT coalesce(jsonb_agg(one ORDER BY place), '[]')
                FROM jsonb_array_elements_text(value) WITH ORDINALITY AS kept (one, place) WHERE one <> ALL (gained)
            )), '{}')
            FROM jsonb_each(resource_scopes)
        )
    WHERE id IN (SELECT id FROM granted);
    RETURN NULL;
END $$;
CREATE TRIGGER forget_grants AFTER UPDATE OF scopes ON apps FOR EACH ROW
WHEN (NOT NEW.scopes <@ OLD.scopes) EXECUTE FUNCTION forget_grants_of_regained_scopes();
"""


def upgrade() -> None:
    op.execute(FORGET)
