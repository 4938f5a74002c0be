-- seq orders the list: ids are random, and two uploads may share a timestamp.
CREATE TABLE uploads (
  id          uuid PRIMARY KEY,
  seq         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  name        text NOT NULL,
  size        bigint NOT NULL,
  sha256      text NOT NULL,
  mime        text NOT NULL,
  uploaded_by text,
  created_at  timestamptz NOT NULL DEFAULT now()
);
