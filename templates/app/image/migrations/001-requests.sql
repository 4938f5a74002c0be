CREATE TABLE requests (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  title           text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('movie', 'series', 'music', 'other')),
  note            text,
  status          text NOT NULL DEFAULT 'requested'
                  CHECK (status IN ('requested', 'approved', 'available', 'declined')),
  requested_by    text,
  idempotency_key text UNIQUE,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
