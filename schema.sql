-- XTRACKER's whole schema, to be read: a database is made and changed by the files in migrations/ alone.
-- Ids are never given twice (AUTOINCREMENT), so that what stays on record of a deleted thing is not
-- taken for another's. Times are epoch milliseconds, amounts millionths of a currency's unit.
--
-- The way of one deposit. Words in capitals are statements in src/db. STORE in event.rs (STORE_MANY
-- out of the queue) is one statement, and one transaction with all that its triggers do:
--
--   keys        the key's hash gives the space; a key that opens none stores nothing
--   clicks      the uid gives the click, and so the link; else the Telegram user does, through binds
--   events      the row, once for each dedup key; what comes again raises refires and stops here
--   ├─ events_count → tally → tally_add
--   │  counters   its link's quarter of an hour has one more
--   │  days       so has the day, if CLOSE and MARK_CLOSED in figures.rs have summed it up already
--   └─ events_send
--      deliveries one row for each destination that takes it: CLAIM and RECORD in delivery.rs
--
-- Later it may find its link. A click (RECORD and STORE in click.rs) fires clicks_attribute or
-- clicks_attribute_plus, a bind (BIND in bind.rs) fires binds_attribute; both reach the Telegram
-- user's events through tg_users and tg_users_attribute. They set link_id, and events_recount takes the
-- event from one link's counters and days to the other's. Figures are read from these two (SUMS in
-- figures.rs), never from events.

-- Below, by `node scripts/schema.mjs`, what the files in migrations/ come to.

-- One tenant: one offer or funnel. Nothing crosses from one space to another.
-- The network that a space's postbacks come from, by its pack's name; NULL where nobody has said so.
-- A space that was put away is listed apart; what arrives for it counts as before.
-- JSON array of the guide's steps that somebody waved away; NULL for none.
-- The form that made it: sent twice, it makes one.
CREATE TABLE spaces (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT    NOT NULL,
  time_zone     TEXT    NOT NULL DEFAULT 'UTC', -- IANA name; its days are the figures' days
  created_at_ms INTEGER NOT NULL
, network TEXT, archived_at_ms INTEGER, guide TEXT, made_by TEXT) STRICT;

-- The secrets of a space, as SHA-256 in hex; the secrets themselves are nowhere. A key's end is a time:
-- what was received before expires_at_ms is stored, whenever it comes out of the queue.
-- Which of the space's rules its postbacks are read by: 0 where none is on, else another number after each
-- change (rules_count). An isolate that has read others is told nothing by its statement, and asks again.
-- A key's number among its space's: a rotation hands it on, so that it stays one source. 0 only until keys_name.
CREATE TABLE keys (
  hash          TEXT    NOT NULL PRIMARY KEY,
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  kind          TEXT    NOT NULL CHECK (kind IN ('ingest', 'bearer')),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER -- NULL for the current key
, rules INTEGER NOT NULL DEFAULT 0, n INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

-- db/key.rs REMOVE_ENDED finds those that no queue can need any more.
CREATE INDEX keys_ended ON keys (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Keys that were made and never used: nobody has them yet, so that a rotation replaces one at once. The
-- first use takes the row away; a key that has none counts as used.
CREATE TABLE unused_keys (
  hash TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Sign-ins that were signed out of, until their cookies are over by themselves.
CREATE TABLE ended_sessions (
  id         TEXT    NOT NULL PRIMARY KEY,
  ends_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A trackable entry point with its own landing at /l/<slug>.
-- A link that was put away is in no list, and sends visitors on as before.
-- The offer's network, by its pack's name; NULL where nobody has said so.
CREATE TABLE links (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  slug          TEXT    NOT NULL UNIQUE, -- over all spaces: a landing's address names no space
  name          TEXT    NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('bot', 'channel', 'web')),
  target        TEXT    NOT NULL,        -- bot name, invite link, or web address
  uid_parameter TEXT    NOT NULL,
  page          TEXT,                    -- JSON of title, text, button; NULL for a plain redirect
  enabled       INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
, archived_at_ms INTEGER, network TEXT) STRICT;

-- db/link.rs LIST reads a space's links.
CREATE INDEX links_space ON links (space_id);

-- What a uid came from. The first click of a uid wins.
CREATE TABLE clicks (
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  uid           TEXT    NOT NULL,
  link_id       INTEGER NOT NULL,        -- 0 for a click that no link had
  clicked_at_ms INTEGER NOT NULL,
  fbclid        TEXT,
  fbp           TEXT,
  fbc           TEXT,
  campaign_id   TEXT,
  campaign_name TEXT,
  adset_id      TEXT,
  adset_name    TEXT,
  ad_id         TEXT,
  ad_name       TEXT,
  placement     TEXT,
  country       TEXT,
  user_agent    TEXT,
  ip            TEXT,                    -- for Facebook CAPI alone
  raw_query     TEXT    NOT NULL,
  PRIMARY KEY (space_id, uid)
) STRICT, WITHOUT ROWID;

-- db/retention.rs CLICKS finds by age what still says something of its visitor. It is a row written more
-- for each visit: clicks have no other order in time, and without it all of them would be read again and
-- again. A click that has nothing of the kind any more, or never had, is not in it.
CREATE INDEX clicks_personal ON clicks (clicked_at_ms)
WHERE raw_query <> '' OR ip IS NOT NULL OR user_agent IS NOT NULL;

-- A `+` in a uid may reach us as a space, all of them or some: links, networks and bots decode it once
-- too often. What all spellings of such a uid have in common is its folded form, with a space for each
-- plus. Rows keep the spelling that they came with, so that it does not matter what comes first: whoever
-- looks for a uid's click takes the one spelled alike, or else the first by time of those that fold
-- alike. A uid with neither plus nor space folds like no other, is in none of these indexes, and costs
-- nothing.
CREATE INDEX clicks_folded ON clicks (space_id, replace(uid, '+', ' ')) WHERE uid GLOB '*[ +]*';

CREATE VIEW folded_clicks AS
SELECT space_id, replace(uid, '+', ' ') AS folded, uid, clicked_at_ms
FROM clicks INDEXED BY clicks_folded WHERE uid GLOB '*[ +]*';

-- Which Telegram user a uid belongs to. The first binding wins, and may come before its click.
CREATE TABLE binds (
  space_id    INTEGER NOT NULL REFERENCES spaces (id),
  uid         TEXT    NOT NULL,
  tg_id       INTEGER NOT NULL,
  bound_at_ms INTEGER NOT NULL,
  PRIMARY KEY (space_id, uid)
) STRICT, WITHOUT ROWID;

-- tg_clicks looks up a user's clicks.
CREATE INDEX binds_tg ON binds (space_id, tg_id);

CREATE INDEX binds_folded ON binds (space_id, replace(uid, '+', ' ')) WHERE uid GLOB '*[ +]*';

CREATE VIEW folded_binds AS
SELECT space_id, replace(uid, '+', ' ') AS folded, uid, tg_id, bound_at_ms
FROM binds INDEXED BY binds_folded WHERE uid GLOB '*[ +]*';

-- The clicks of a Telegram user. An event without a click of its own goes to the user's last click
-- before it, or to the first one after it where there is none: a rule about what is known, not about
-- the order in which it came to be known. Whoever applies it computes `away` in a select of its own:
-- most versions of SQLite do not let ORDER BY see the query around it.
CREATE VIEW tg_clicks AS
SELECT b.space_id, b.tg_id, c.uid, c.link_id, c.clicked_at_ms
FROM binds b JOIN clicks c ON c.space_id = b.space_id AND c.uid = iif(
  b.uid GLOB '*[ +]*',
  coalesce(
    (SELECT x.uid FROM clicks x WHERE x.space_id = b.space_id AND x.uid = b.uid),
    (
      SELECT f.uid FROM folded_clicks f
      WHERE f.space_id = b.space_id AND f.folded = replace(b.uid, '+', ' ')
      ORDER BY f.clicked_at_ms, f.uid LIMIT 1
    )
  ),
  b.uid
);

-- Every event that a network or a bot reported, once. Clustered by space and number: the feed and the
-- event page read it in its own order and need no further index. `seq` is max + 1 taken inside the insert,
-- which is safe since D1 runs one statement at a time.
-- 0 for what is on record and in no figure: a test, or taken out by hand.
-- Later arrivals of the same id, JSON: the time of one that says the same, an object of one that does not. At
-- most 50; the last one takes the place of the one before.
-- By which of its space's keys it came (key_names.n); NULL for what came before that was kept, or was entered by hand.
CREATE TABLE events (
  space_id       INTEGER NOT NULL REFERENCES spaces (id),
  seq            INTEGER NOT NULL,          -- the number a user says: "event 1042"
  dedup          TEXT    NOT NULL,          -- what makes two postbacks one event; see src/model/event.rs
  event          TEXT    NOT NULL CHECK (event IN ('contact', 'subscribed', 'registration', 'deposit')),
  uid            TEXT,
  eid            TEXT,
  tg_id          INTEGER,
  value          TEXT,                      -- the amount as sent
  micros         INTEGER,                   -- as understood; NULL for no amount
  currency       TEXT    NOT NULL,
  occurred_at_ms INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  link_id        INTEGER NOT NULL,          -- 0 while unattributed; follows clicks and binds
  first          INTEGER NOT NULL,          -- 1: the first of its kind for this person
  receipt        TEXT    NOT NULL,          -- the arrival that stored it; tells our own retry from a re-fire
  refires        INTEGER NOT NULL DEFAULT 0,
  notes          TEXT,                      -- JSON array; NULL for none
  raw            TEXT    NOT NULL, counted INTEGER NOT NULL DEFAULT 1, again TEXT, by_key INTEGER,          -- query and body as they arrived, secrets removed
  PRIMARY KEY (space_id, seq)
) STRICT, WITHOUT ROWID;

-- The promise "exactly once": db/event.rs STORE conflicts on it.
CREATE UNIQUE INDEX events_dedup ON events (space_id, dedup);

-- db/event.rs STORE asks whether this uid had this event before; clicks_attribute finds its events.
CREATE INDEX events_uid ON events (space_id, uid, event) WHERE uid IS NOT NULL;

-- The same for events that know their person by Telegram id. Whoever needs one of the two names it: SQLite
-- takes a space for ten rows, and may read all of its events instead.
CREATE INDEX events_tg ON events (space_id, tg_id, event) WHERE tg_id IS NOT NULL;

-- For uids that may have come in several spellings: they are one person's.
CREATE INDEX events_folded ON events (space_id, replace(uid, '+', ' '), event)
WHERE uid GLOB '*[ +]*';

-- With what makes an event the first of its kind for a person.
CREATE VIEW folded_events AS
SELECT space_id, replace(uid, '+', ' ') AS folded, event, seq, uid, counted
FROM events INDEXED BY events_folded WHERE uid GLOB '*[ +]*';

-- What figures are read from instead of events and clicks: sums by quarter of an hour, so that the day of
-- every civil time zone is a whole number of buckets. Revenue is kept as whole units and the
-- millionths behind them, apart: an i64 of micros would overflow at ten amounts of twelve digits, and
-- a network that sends ids as amounts would then have its events refused.
CREATE TABLE counters (
  space_id INTEGER NOT NULL,
  bucket   INTEGER NOT NULL, -- time / 900000
  link_id  INTEGER NOT NULL, -- 0 for what has no link
  event    TEXT    NOT NULL, -- click, or one of the four
  currency TEXT    NOT NULL, -- '' for all but deposits
  events   INTEGER NOT NULL,
  people   INTEGER NOT NULL, -- events that were the first of their kind for their person
  units    INTEGER NOT NULL,
  micros   INTEGER NOT NULL, -- what is left below one unit; may exceed 999999 in sum
  PRIMARY KEY (space_id, bucket, link_id, event, currency)
) STRICT, WITHOUT ROWID;

-- Days of a space's own zone that are over, summed up: the figures of a month would else be read from
-- 96 quarters of an hour a day, for every link. Whoever looks at such a month closes its days; what
-- comes late is added here as well. Both tables can be emptied at any time, as a change of the zone does.
CREATE TABLE closed_days (
  space_id    INTEGER NOT NULL,
  from_bucket INTEGER NOT NULL,
  to_bucket   INTEGER NOT NULL, -- the first bucket of the next day
  PRIMARY KEY (space_id, from_bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE days (
  space_id    INTEGER NOT NULL,
  from_bucket INTEGER NOT NULL, -- of its row in closed_days
  link_id     INTEGER NOT NULL,
  event       TEXT    NOT NULL,
  currency    TEXT    NOT NULL,
  events      INTEGER NOT NULL,
  people      INTEGER NOT NULL,
  units       INTEGER NOT NULL,
  micros      INTEGER NOT NULL,
  PRIMARY KEY (space_id, from_bucket, link_id, event, currency)
) STRICT, WITHOUT ROWID;

-- The one place that counts. A row put into this view is added to its counter; one event less is
-- a row of -1.
CREATE VIEW tally AS
SELECT space_id, 0 AS at_ms, link_id, event, currency, events, people, micros FROM counters;

CREATE TRIGGER tally_add INSTEAD OF INSERT ON tally
BEGIN
  INSERT INTO counters (space_id, bucket, link_id, event, currency, events, people, units, micros)
  VALUES (
    NEW.space_id,
    NEW.at_ms / 900000,
    NEW.link_id,
    NEW.event,
    iif(NEW.event = 'deposit', NEW.currency, ''),
    NEW.events,
    NEW.people,
    NEW.micros / 1000000,
    NEW.micros % 1000000
  )
  ON CONFLICT (space_id, bucket, link_id, event, currency) DO UPDATE SET
    events = events + excluded.events,
    people = people + excluded.people,
    units  = units + excluded.units,
    micros = micros + excluded.micros;
  INSERT INTO days (space_id, from_bucket, link_id, event, currency, events, people, units, micros)
  SELECT
    NEW.space_id,
    d.from_bucket,
    NEW.link_id,
    NEW.event,
    iif(NEW.event = 'deposit', NEW.currency, ''),
    NEW.events,
    NEW.people,
    NEW.micros / 1000000,
    NEW.micros % 1000000
  FROM closed_days d
  WHERE d.space_id = NEW.space_id
    AND d.from_bucket = (
      SELECT max(o.from_bucket) FROM closed_days o
      WHERE o.space_id = NEW.space_id AND o.from_bucket <= NEW.at_ms / 900000
    )
    AND d.to_bucket > NEW.at_ms / 900000
  ON CONFLICT (space_id, from_bucket, link_id, event, currency) DO UPDATE SET
    events = events + excluded.events,
    people = people + excluded.people,
    units  = units + excluded.units,
    micros = micros + excluded.micros;
END;

-- Counting is part of storing: no path can store an event uncounted, or count it twice.
CREATE TRIGGER events_count AFTER INSERT ON events WHEN NEW.counted = 1
BEGIN
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  VALUES (
    NEW.space_id, NEW.occurred_at_ms, NEW.link_id, NEW.event, NEW.currency,
    1, NEW.first, coalesce(NEW.micros, 0)
  );
END;

CREATE TRIGGER clicks_count AFTER INSERT ON clicks
BEGIN
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  VALUES (NEW.space_id, NEW.clicked_at_ms, NEW.link_id, 'click', '', 1, 1, 0);
END;

-- A Telegram user put into this view has their events attributed anew: those that have no click of
-- their own go by the rule of tg_clicks.
CREATE VIEW tg_users AS SELECT space_id, tg_id FROM binds;

CREATE TRIGGER tg_users_attribute INSTEAD OF INSERT ON tg_users
BEGIN
  UPDATE events SET link_id = coalesce(
    (
      SELECT o.link_id FROM (
        SELECT t.link_id, t.uid, t.clicked_at_ms - events.occurred_at_ms AS away FROM tg_clicks t
        WHERE t.space_id = events.space_id AND t.tg_id = events.tg_id
      ) o
      ORDER BY o.away <= 0 DESC, abs(o.away), o.uid LIMIT 1
    ),
    0
  )
  WHERE (space_id, seq) IN (
    SELECT e.space_id, e.seq FROM events e INDEXED BY events_tg
    WHERE e.space_id = NEW.space_id
      AND e.tg_id = NEW.tg_id
      AND NOT EXISTS (SELECT 1 FROM clicks c WHERE c.space_id = e.space_id AND c.uid = e.uid)
      AND iif(e.uid GLOB '*[ +]*', NOT EXISTS (
        SELECT 1 FROM folded_clicks f
        WHERE f.space_id = e.space_id AND f.folded = replace(e.uid, '+', ' ')
      ), 1)
  );
END;

-- Events that came before their click: those of its uid, then those of its Telegram user.
CREATE TRIGGER clicks_attribute AFTER INSERT ON clicks WHEN NEW.uid NOT GLOB '*[ +]*'
BEGIN
  UPDATE events SET link_id = NEW.link_id
  WHERE (space_id, seq) IN (
    SELECT e.space_id, e.seq FROM events e INDEXED BY events_uid
    WHERE e.space_id = NEW.space_id AND e.uid = NEW.uid AND e.link_id <> NEW.link_id
  );
  INSERT INTO tg_users (space_id, tg_id)
  SELECT b.space_id, b.tg_id FROM binds b WHERE b.space_id = NEW.space_id AND b.uid = NEW.uid;
END;

-- The same where a `+` may have become a space on the way: of all spellings those that this click is
-- now the click of. It may take them from another that they were less like.
CREATE TRIGGER clicks_attribute_plus AFTER INSERT ON clicks WHEN NEW.uid GLOB '*[ +]*'
BEGIN
  UPDATE events SET
    link_id = NEW.link_id,
    notes = nullif(
      (
        SELECT json_group_array(n.note) FROM (
          SELECT value AS note FROM json_each(events.notes) WHERE value <> 'plus_restored'
          UNION ALL
          SELECT 'plus_restored' WHERE events.uid <> NEW.uid
        ) n
      ),
      '[]'
    )
  WHERE (space_id, seq) IN (
    SELECT e.space_id, e.seq FROM folded_events e
    WHERE e.space_id = NEW.space_id
      AND e.folded = replace(NEW.uid, '+', ' ')
      AND NEW.uid = coalesce(
        (SELECT x.uid FROM clicks x WHERE x.space_id = e.space_id AND x.uid = e.uid),
        (
          SELECT f.uid FROM folded_clicks f
          WHERE f.space_id = e.space_id AND f.folded = e.folded
          ORDER BY f.clicked_at_ms, f.uid LIMIT 1
        )
      )
  );
  INSERT INTO tg_users (space_id, tg_id)
  SELECT b.space_id, b.tg_id FROM folded_binds b
  WHERE b.space_id = NEW.space_id AND b.folded = replace(NEW.uid, '+', ' ');
END;

-- Events that came before the bind that leads from their Telegram user to a click.
CREATE TRIGGER binds_attribute AFTER INSERT ON binds
BEGIN
  INSERT INTO tg_users (space_id, tg_id) VALUES (NEW.space_id, NEW.tg_id);
END;

-- Where events are sent on to.
-- The form that made it: sent twice, it makes one.
-- Events that came while it was paused: those above the one number and up to the other, which is NULL while the pause
-- lasts. Both are NULL where none is left to decide about.
-- When it first took an event; 0 where it has got other settings since and took none yet, NULL where it never did.
CREATE TABLE destinations (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  name          TEXT    NOT NULL,
  enabled       INTEGER NOT NULL,
  events        TEXT    NOT NULL,           -- JSON: kind of event to its name there; what is missing is not sent
  config        TEXT    NOT NULL,           -- JSON of the kind and what may be shown
  secrets       TEXT    NOT NULL,           -- sealed with DESTINATION_KEY
  failures      INTEGER NOT NULL DEFAULT 0, -- tries in a row that it did not take
  rest_until_ms INTEGER NOT NULL DEFAULT 0, -- nothing is sent before; its deliveries wait
  created_at_ms INTEGER NOT NULL
, made_by TEXT, missed_from INTEGER, missed_to INTEGER, first_sent_at_ms INTEGER) STRICT;

-- events_send reads a space's destinations.
CREATE INDEX destinations_space ON destinations (space_id);

-- The outbox: one row for each event and destination, committed with the event. A row is open until
-- it is sent or given up; while it is open, whoever holds its lease may try, and due_at_ms is when
-- the next one may.
CREATE TABLE deliveries (
  space_id       INTEGER NOT NULL,
  seq            INTEGER NOT NULL,
  destination_id INTEGER NOT NULL,
  target         TEXT    NOT NULL, -- the destination's name for the event, fixed when it was stored
  state          TEXT    NOT NULL CHECK (state IN ('pending', 'sending', 'retrying', 'sent', 'failed_permanently')),
  due_at_ms      INTEGER NOT NULL,
  lease          TEXT,             -- who is sending; NULL for the invocation that stored the event
  tries          INTEGER NOT NULL DEFAULT 0,
  attempts       TEXT,             -- JSON array: when, status, duration, answer, outcome
  PRIMARY KEY (space_id, seq, destination_id)
) STRICT, WITHOUT ROWID;

-- db/delivery.rs DUE and CLAIM find what is open and due.
CREATE INDEX deliveries_due ON deliveries (destination_id, due_at_ms)
WHERE state IN ('pending', 'sending', 'retrying');

-- db/delivery.rs RESEND_FAILED finds what was given up.
CREATE INDEX deliveries_failed ON deliveries (destination_id)
WHERE state = 'failed_permanently';

-- Sending on is part of storing, as counting is. The insert carries the first lease: for 30 s the
-- invocation that stored the event may try, and nobody else.
CREATE TRIGGER events_send AFTER INSERT ON events WHEN NEW.counted = 1
BEGIN
  INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
  SELECT NEW.space_id, NEW.seq, d.id, d.events ->> NEW.event, 'pending', NEW.received_at_ms + 30000
  FROM destinations d
  WHERE d.space_id = NEW.space_id AND d.enabled = 1 AND d.events ->> NEW.event IS NOT NULL;
END;

-- How far the removal of old things has come in a space, and where its last step began. Clicks are found by
-- their index; the columns for them are from before that, and unused.
CREATE TABLE retention (
  space_id INTEGER NOT NULL PRIMARY KEY REFERENCES spaces (id),
  from_seq INTEGER NOT NULL DEFAULT 0,
  seq      INTEGER NOT NULL DEFAULT 0, -- events up to here have no raw query any more
  from_uid TEXT    NOT NULL DEFAULT '',
  uid      TEXT    NOT NULL DEFAULT ''
) STRICT;

-- Refused postbacks whose key was good: kept whole, so that nothing is lost while the sender is being
-- fixed. Screens and code call them refused; the table has its name from before that.
-- The event that a refused postback has become since.
CREATE TABLE held (
  space_id       INTEGER NOT NULL REFERENCES spaces (id),
  seq            INTEGER NOT NULL,
  fingerprint    TEXT    NOT NULL, -- of status and raw: a network's retries are one row
  status         TEXT    NOT NULL, -- invalid_value, invalid_time, …
  notes          TEXT,
  raw            TEXT    NOT NULL,
  received_at_ms INTEGER NOT NULL, -- of the first arrival
  receipt        TEXT    NOT NULL,
  refires        INTEGER NOT NULL DEFAULT 0, event_seq INTEGER, by_key INTEGER,
  PRIMARY KEY (space_id, seq)
) STRICT, WITHOUT ROWID;

-- db/refused.rs KEEP conflicts on it.
CREATE UNIQUE INDEX held_fingerprint ON held (space_id, fingerprint);

-- Where there are several databases, the first one lists every space, and says here which of them are in
-- another. The id of a space, of a link and of a destination is the first one's to give: no two
-- databases give the same.
CREATE TABLE space_databases (
  space_id INTEGER NOT NULL PRIMARY KEY REFERENCES spaces (id),
  database INTEGER NOT NULL, -- 2 for DB_2
  ready    INTEGER NOT NULL  -- 0 while the space is being made, and not listed yet
) STRICT;

-- The slugs of their links: a landing is looked for in the first database. A slug that leads to no link any
-- more, or to none yet, is not found in the space's own.
CREATE TABLE slugs (
  slug     TEXT    NOT NULL PRIMARY KEY,
  space_id INTEGER NOT NULL REFERENCES spaces (id),
  link_id  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Spaces that move to another database, step by step (db/moves.rs), here with the other one: 'leaving' and for
-- good 'left' where they were, 'clearing', 'arriving' and for good 'arrived' where they go.
CREATE TABLE moves (
  space_id INTEGER NOT NULL PRIMARY KEY,
  database INTEGER NOT NULL,
  state    TEXT    NOT NULL CHECK (state IN ('leaving', 'left', 'clearing', 'arriving', 'arrived')),
  began_ms INTEGER NOT NULL,           -- tells this move from an earlier one, in both databases
  part     INTEGER NOT NULL DEFAULT 0, -- of what has to be copied, and then compared: how far that is; -1 at the end
  after    TEXT    NOT NULL DEFAULT '' -- JSON of the key of the last row that is done
) STRICT;

-- The keys of spaces that have left: whoever has one is told where it leads.
CREATE TABLE moved_keys (
  hash          TEXT    NOT NULL PRIMARY KEY,
  space_id      INTEGER NOT NULL,
  kind          TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  used          INTEGER NOT NULL
, n INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

-- db/moves.rs reads a space's.
CREATE INDEX moved_keys_space ON moved_keys (space_id);

-- What comes with a key, and visits, wait while a space moves: its keys are none, and RECORD in click.rs leaves
-- it out. What the dashboard and the operator's programs change is refused meanwhile: it could be copied already.
CREATE TRIGGER spaces_stay BEFORE UPDATE ON spaces
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.id AND m.state = 'leaving')
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE UNIQUE INDEX spaces_made_by ON spaces (made_by) WHERE made_by IS NOT NULL;

CREATE TRIGGER keys_stay BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER links_stay BEFORE INSERT ON links
WHEN NEW.name <> '' AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER links_stay_as_they_are BEFORE UPDATE ON links
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER destinations_stay BEFORE INSERT ON destinations
WHEN NEW.name <> '' AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- What is decided about a pause belongs to what stays as it is while its space moves.
CREATE TRIGGER destinations_stay_as_they_are
BEFORE UPDATE OF name, enabled, events, config, secrets, missed_from, missed_to ON destinations
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER destinations_stay_there BEFORE DELETE ON destinations
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = OLD.space_id AND m.state = 'leaving')
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE UNIQUE INDEX destinations_made_by ON destinations (made_by) WHERE made_by IS NOT NULL;

-- Whatever changes of an event, the figures follow: it finds its link later, it is decided what it was, it is
-- taken out or put in.
CREATE TRIGGER events_recount
AFTER UPDATE OF link_id, event, micros, currency, occurred_at_ms, first, counted ON events
WHEN (OLD.counted = 1 OR NEW.counted = 1) AND (
  OLD.link_id, OLD.event, coalesce(OLD.micros, 0), OLD.currency, OLD.occurred_at_ms, OLD.first, OLD.counted
) <> (
  NEW.link_id, NEW.event, coalesce(NEW.micros, 0), NEW.currency, NEW.occurred_at_ms, NEW.first, NEW.counted
)
BEGIN
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  SELECT
    OLD.space_id, OLD.occurred_at_ms, OLD.link_id, OLD.event, OLD.currency,
    -1, -OLD.first, -coalesce(OLD.micros, 0)
  WHERE OLD.counted = 1;
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  SELECT
    NEW.space_id, NEW.occurred_at_ms, NEW.link_id, NEW.event, NEW.currency,
    1, NEW.first, coalesce(NEW.micros, 0)
  WHERE NEW.counted = 1;
END;

-- A person and a kind of event put into this view: the first of their counted events is the first, and no other.
-- Before a decision it was the first of them, so that the two first ones are all that can change.
CREATE VIEW firsts AS SELECT space_id, event, uid, tg_id FROM events;

CREATE TRIGGER firsts_set INSTEAD OF INSERT ON firsts
BEGIN
  UPDATE events SET first = (c.nth = 1)
  FROM (
    SELECT o.seq, row_number() OVER (ORDER BY o.seq) AS nth FROM (
      SELECT u.seq FROM (
        SELECT e.seq FROM events e INDEXED BY events_uid
        WHERE e.space_id = NEW.space_id AND e.uid = NEW.uid AND e.event = NEW.event AND e.counted = 1
        ORDER BY e.seq LIMIT 2
      ) u
      UNION
      SELECT f.seq FROM (
        SELECT f.seq FROM folded_events f
        WHERE f.space_id = NEW.space_id AND f.folded = iif(NEW.uid GLOB '*[ +]*', replace(NEW.uid, '+', ' '), NULL)
          AND f.event = NEW.event AND f.counted = 1
        ORDER BY f.seq LIMIT 2
      ) f
      UNION
      SELECT t.seq FROM (
        SELECT e.seq FROM events e INDEXED BY events_tg
        WHERE e.space_id = NEW.space_id AND e.tg_id = iif(NEW.uid IS NULL, NEW.tg_id, NULL)
          AND e.event = NEW.event AND e.uid IS NULL AND e.counted = 1
        ORDER BY e.seq LIMIT 2
      ) t
    ) o
  ) c
  WHERE events.space_id = NEW.space_id AND events.seq = c.seq;
END;

-- An event that is taken out goes nowhere any more; where it is sent or was given up stays on record. One that is
-- put in goes where it has not been yet, and is due at once: no invocation has it in hand.
CREATE TRIGGER events_hold_back AFTER UPDATE OF counted ON events WHEN OLD.counted = 1 AND NEW.counted = 0
BEGIN
  DELETE FROM deliveries
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND state IN ('pending', 'retrying');
END;

CREATE TRIGGER events_send_after_all AFTER UPDATE OF counted ON events WHEN OLD.counted = 0 AND NEW.counted = 1
BEGIN
  INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
  SELECT NEW.space_id, NEW.seq, d.id, d.events ->> NEW.event, 'pending', NEW.received_at_ms
  FROM destinations d
  WHERE d.space_id = NEW.space_id AND d.enabled = 1 AND d.events ->> NEW.event IS NOT NULL
  ON CONFLICT DO NOTHING;
END;

-- What came again under an event's id and says something else: another amount, currency or uid. One that says
-- the same as one before is the same version.
CREATE TABLE versions (
  space_id       INTEGER NOT NULL,
  seq            INTEGER NOT NULL,
  what           TEXT    NOT NULL, -- JSON array of uid, micros and currency: what makes it another one
  uid            TEXT,
  value          TEXT,             -- as sent
  micros         INTEGER,
  currency       TEXT    NOT NULL,
  raw            TEXT    NOT NULL, -- of its first arrival
  received_at_ms INTEGER NOT NULL, -- of its first arrival
  last_at_ms     INTEGER NOT NULL,
  times          INTEGER NOT NULL,
  decided        INTEGER NOT NULL, -- the decision that settled it, by its number; 0 while it is open
  PRIMARY KEY (space_id, seq, what)
) STRICT, WITHOUT ROWID;

-- db/retention.rs VERSIONS finds by age those that still have their raw query.
CREATE INDEX versions_kept ON versions (received_at_ms) WHERE raw <> '';

-- db/window.rs reads a space's open ones.
CREATE INDEX versions_open ON versions (space_id, seq) WHERE decided = 0;

-- db/event.rs OR_AGAIN leaves a version that differs, with its raw query, as the last of `again`.
CREATE TRIGGER events_again AFTER UPDATE OF again ON events WHEN NEW.again ->> '$[#-1].raw' IS NOT NULL
BEGIN
  INSERT INTO versions (
    space_id, seq, what, uid, value, micros, currency, raw, received_at_ms, last_at_ms, times, decided
  )
  SELECT
    NEW.space_id, NEW.seq,
    json_array(replace(v.version ->> 'uid', '+', ' '), v.version ->> 'micros', v.version ->> 'currency'),
    v.version ->> 'uid', v.version ->> 'value', v.version ->> 'micros', v.version ->> 'currency', v.version ->> 'raw',
    v.version ->> 'ms', v.version ->> 'ms', 1, 0
  FROM (SELECT NEW.again -> '$[#-1]' AS version) v
  WHERE true
  ON CONFLICT (space_id, seq, what) DO UPDATE SET times = times + 1, last_at_ms = excluded.last_at_ms;
  UPDATE events SET again = json_remove(again, '$[' || (json_array_length(again) - 1) || '].raw')
  WHERE space_id = NEW.space_id AND seq = NEW.seq;
END;

-- What somebody decided about an event, and its undoing, which is a decision too. To put one in is to carry it
-- out; `n` being the next number is what makes a form that is sent twice decide once.
CREATE TABLE decisions (
  space_id INTEGER NOT NULL,
  seq      INTEGER NOT NULL, -- the event
  n        INTEGER NOT NULL, -- 1, 2, … of this event
  kind     TEXT    NOT NULL, -- see src/model/decision.rs
  reason   TEXT    NOT NULL, -- what they wrote; may be empty
  other    INTEGER,          -- the other event, of those that are about two
  before   TEXT    NOT NULL, -- JSON of the event as it was, by column
  after    TEXT,             -- JSON of the columns that it changes; NULL for none
  undoes   INTEGER,          -- the decision of this event that it takes back
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (space_id, seq, n)
) STRICT, WITHOUT ROWID;

-- A space's decisions that are copied to another database have been carried out already.
CREATE TRIGGER decisions_apply AFTER INSERT ON decisions
WHEN NEW.after IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state = 'arriving')
BEGIN
  UPDATE events SET
    event          = coalesce(NEW.after ->> 'event', event),
    uid            = iif(json_type(NEW.after, '$.uid') IS NULL, uid, NEW.after ->> 'uid'),
    eid            = iif(json_type(NEW.after, '$.eid') IS NULL, eid, NEW.after ->> 'eid'),
    value          = iif(json_type(NEW.after, '$.value') IS NULL, value, NEW.after ->> 'value'),
    micros         = iif(json_type(NEW.after, '$.micros') IS NULL, micros, CAST(NEW.after ->> 'micros' AS INTEGER)),
    currency       = coalesce(NEW.after ->> 'currency', currency),
    occurred_at_ms = coalesce(NEW.after ->> 'occurred_at_ms', occurred_at_ms),
    notes          = iif(json_type(NEW.after, '$.notes') IS NULL, notes, NEW.after ->> 'notes'),
    counted        = coalesce(NEW.after ->> 'counted', counted),
    first          = iif(
      json_type(NEW.after, '$.uid') IS NULL AND json_type(NEW.after, '$.event') IS NULL
        AND json_type(NEW.after, '$.counted') IS NULL,
      first,
      0
    )
  WHERE space_id = NEW.space_id AND seq = NEW.seq;
  UPDATE events SET link_id = coalesce(
    (
      SELECT c.link_id FROM clicks c WHERE c.space_id = events.space_id AND c.uid = coalesce(
        (SELECT x.uid FROM clicks x WHERE x.space_id = events.space_id AND x.uid = events.uid),
        iif(events.uid GLOB '*[ +]*', (
          SELECT f.uid FROM folded_clicks f
          WHERE f.space_id = events.space_id AND f.folded = replace(events.uid, '+', ' ')
          ORDER BY f.clicked_at_ms, f.uid LIMIT 1
        ), NULL)
      )
    ),
    0
  )
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND json_type(NEW.after, '$.uid') IS NOT NULL;
  INSERT INTO tg_users (space_id, tg_id)
  SELECT e.space_id, e.tg_id FROM events e
  WHERE e.space_id = NEW.space_id AND e.seq = NEW.seq AND e.tg_id IS NOT NULL
    AND json_type(NEW.after, '$.uid') IS NOT NULL;
  INSERT INTO firsts (space_id, event, uid, tg_id)
  VALUES (NEW.space_id, NEW.before ->> 'event', NEW.before ->> 'uid', NEW.before ->> 'tg_id');
  INSERT INTO firsts (space_id, event, uid, tg_id)
  SELECT e.space_id, e.event, e.uid, e.tg_id FROM events e WHERE e.space_id = NEW.space_id AND e.seq = NEW.seq;
END;

-- A conflict that is decided is none any more, until that is undone. What the event was before is a version too:
-- a retry of the same says nothing new.
CREATE TRIGGER decisions_settle AFTER INSERT ON decisions
WHEN NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state = 'arriving')
BEGIN
  UPDATE versions SET decided = 0
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND NEW.undoes > 0 AND decided = NEW.undoes;
  UPDATE versions SET decided = NEW.n
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND decided = 0
    AND NEW.kind IN ('keep_first', 'take_last', 'count_both');
  INSERT INTO versions (
    space_id, seq, what, uid, value, micros, currency, raw, received_at_ms, last_at_ms, times, decided
  )
  SELECT
    NEW.space_id, NEW.seq,
    json_array(replace(NEW.before ->> 'uid', '+', ' '), NEW.before ->> 'micros', NEW.before ->> 'currency'),
    NEW.before ->> 'uid', NEW.before ->> 'value', CAST(NEW.before ->> 'micros' AS INTEGER), NEW.before ->> 'currency',
    '', NEW.at_ms, NEW.at_ms, 0, -1
  WHERE coalesce(json_type(NEW.after, '$.uid'), json_type(NEW.after, '$.micros'), json_type(NEW.after, '$.currency'))
    IS NOT NULL
  ON CONFLICT (space_id, seq, what) DO NOTHING;
END;

-- Rules that mend what a space's sender does wrong, for all that comes while they are on. None is ever deleted:
-- an event's notes name the rule that acted on it.
CREATE TABLE rules (
  space_id      INTEGER NOT NULL,
  n             INTEGER NOT NULL, -- 1, 2, … of this space
  mend          TEXT    NOT NULL, -- JSON; see src/postback/mend.rs
  created_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER,          -- NULL while it is on
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

-- A space whose keys are to know which of its rules are on, put into this view.
CREATE VIEW rules_on AS
SELECT space_id, iif(count(*) = count(ended_at_ms), 0, count(*) + count(ended_at_ms)) AS number
FROM rules GROUP BY space_id;

CREATE TRIGGER rules_count INSTEAD OF INSERT ON rules_on
BEGIN
  UPDATE keys SET rules = coalesce((SELECT r.number FROM rules_on r WHERE r.space_id = NEW.space_id), 0)
  WHERE space_id = NEW.space_id;
END;

CREATE TRIGGER rules_begin AFTER INSERT ON rules
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

CREATE TRIGGER rules_end AFTER UPDATE OF ended_at_ms ON rules
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

CREATE TRIGGER keys_rules AFTER INSERT ON keys WHEN EXISTS (SELECT 1 FROM rules r WHERE r.space_id = NEW.space_id)
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

-- Refused postbacks and events that are being mended and done again, a piece at a time.
CREATE TABLE replays (
  space_id      INTEGER NOT NULL,
  n             INTEGER NOT NULL, -- 1, 2, … of this space
  what          TEXT    NOT NULL, -- JSON of which, and how they are mended; see src/postback/replay.rs
  total         INTEGER NOT NULL,
  done          INTEGER NOT NULL DEFAULT 0,
  stored        INTEGER NOT NULL DEFAULT 0, -- those that are events now, or were changed
  known         INTEGER NOT NULL DEFAULT 0, -- those that had been events already
  after         TEXT    NOT NULL DEFAULT '', -- the number of the last one that is done; empty before
  created_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER,          -- NULL while it runs
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

-- The cron looks for those that were broken off.
CREATE INDEX replays_open ON replays (space_id, n) WHERE ended_at_ms IS NULL;

-- Findings that a user does not want to see.
CREATE TABLE mutes (
  space_id    INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  cause       TEXT    NOT NULL,
  muted_at_ms INTEGER NOT NULL,
  PRIMARY KEY (space_id, source, cause)
) STRICT, WITHOUT ROWID;

-- What a space's findings came to when they were last looked for: all that the overview reads of them.
CREATE TABLE health (
  space_id    INTEGER NOT NULL PRIMARY KEY,
  looked_ms   INTEGER NOT NULL,
  newest      TEXT    NOT NULL, -- JSON array of the newest event's and the newest refused postback's number
  findings    INTEGER NOT NULL, -- how many, those that are muted left out
  first       TEXT    NOT NULL  -- the sentence of the first of them; empty for none
) STRICT;

-- Postbacks whose key looked like one of ours and opened nothing, by hour. Of the key there is its beginning,
-- which anybody may know. db/unknown_key.rs bounds how many rows an hour has.
CREATE TABLE unknown_keys (
  hour     INTEGER NOT NULL, -- time / 3600000
  space_id INTEGER NOT NULL, -- whose key it was; 0 where that is not known
  prefix   TEXT    NOT NULL,
  address  TEXT    NOT NULL, -- of the sender
  is_ours  INTEGER NOT NULL, -- 1: this deployment made it
  ended_ms INTEGER,          -- when it ended, where that is known
  count    INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms  INTEGER NOT NULL,
  PRIMARY KEY (hour, space_id, prefix, address)
) STRICT, WITHOUT ROWID;

-- What the dashboard changes waits while a space moves, as the rest does (0002_databases.sql).
CREATE TRIGGER decisions_stay BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER rules_stay BEFORE INSERT ON rules
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER rules_stay_as_they_are BEFORE UPDATE ON rules
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER replays_stay BEFORE INSERT ON replays
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER mutes_stay BEFORE INSERT ON mutes
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- A piece of a replay goes on in the transaction that stores it, and not while its space is copied.
CREATE TRIGGER replays_stay_as_they_are BEFORE UPDATE ON replays
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- The keys of a space as people know them. What they are called stays when the last secret of a number has ended:
-- events say by which one they came.
CREATE TABLE key_names (
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  n             INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('ingest', 'bearer')),
  name          TEXT    NOT NULL,
  network       TEXT,                    -- its pack's name, where it was made for one
  created_at_ms INTEGER NOT NULL,
  used_at_ms    INTEGER,                 -- its last use, to the hour; NULL for none that is known
  ended_at_ms   INTEGER,                 -- when somebody ended it for good
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

-- Whatever makes a key without a number makes the first of its kind.
CREATE TRIGGER keys_name AFTER INSERT ON keys
BEGIN
  UPDATE keys SET n = iif(NEW.kind = 'ingest', 1, 2) WHERE hash = NEW.hash AND n = 0;
  INSERT INTO key_names (space_id, n, kind, name, created_at_ms)
  SELECT k.space_id, k.n, k.kind, iif(k.kind = 'ingest', 'Main key', 'Bot key'), k.created_at_ms
  FROM keys k WHERE k.hash = NEW.hash
  ON CONFLICT (space_id, n) DO NOTHING;
END;

-- What the dashboard changes waits while a space moves, as the rest does (0002_databases.sql).
CREATE TRIGGER key_names_stay BEFORE UPDATE OF name, ended_at_ms ON key_names
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- Recording a success writes nothing more from the second one on, and costs no call.
CREATE TRIGGER deliveries_first_sent AFTER UPDATE OF state ON deliveries WHEN NEW.state = 'sent' AND OLD.state <> 'sent'
BEGIN
  UPDATE destinations SET first_sent_at_ms = NEW.due_at_ms
  WHERE id = NEW.destination_id AND coalesce(first_sent_at_ms, 0) = 0;
END;

-- Whoever pauses a destination, what comes from then on can be sent to it later. A pause while the last one is not
-- decided about goes on with that one.
CREATE TRIGGER destinations_pause AFTER UPDATE OF enabled ON destinations WHEN OLD.enabled = 1 AND NEW.enabled = 0
BEGIN
  UPDATE destinations SET missed_to = NULL, missed_from = coalesce(
    missed_from, (SELECT max(e.seq) FROM events e WHERE e.space_id = NEW.space_id), 0
  )
  WHERE id = NEW.id;
END;

-- Nothing is left to decide about where none of the first 2,000 events is one that it missed, and there are no more:
-- db/missed.rs LOOKED_THROUGH.
CREATE TRIGGER destinations_resume AFTER UPDATE OF enabled ON destinations WHEN OLD.enabled = 0 AND NEW.enabled = 1
BEGIN
  UPDATE destinations SET missed_to = (SELECT max(e.seq) FROM events e WHERE e.space_id = NEW.space_id)
  WHERE id = NEW.id;
  UPDATE destinations SET missed_from = NULL, missed_to = NULL
  WHERE id = NEW.id AND coalesce(missed_to, 0) <= coalesce(missed_from, 0) + 2000 AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.space_id = NEW.space_id AND e.seq > destinations.missed_from AND e.seq <= destinations.missed_to
      AND e.counted = 1 AND NEW.events ->> e.event IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries x
        WHERE x.space_id = e.space_id AND x.seq = e.seq AND x.destination_id = NEW.id
      )
  );
END;

-- A secret that is shown once (a new key, a signing secret), sealed, on its way to the page that its form leads to.
CREATE TABLE glimpses (
  id         TEXT    NOT NULL PRIMARY KEY,
  space_id   INTEGER NOT NULL,
  sealed     TEXT    NOT NULL,
  shows      INTEGER NOT NULL,           -- how often it will still be shown
  ends_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
