-- What the demo application knows of the audience of its customers' apps: one table per app, in the
-- schema audience_data.

-- 40 apps with 3 to 7 people each; every eighth app is so new that its table was made with updated_at.
DO $$
BEGIN
  FOR app IN 1..40 LOOP
    EXECUTE format($table$
      CREATE TABLE audience_data.app_%s (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        external_id text NOT NULL UNIQUE,
        attributes jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
        %s)$table$, app, CASE WHEN app % 8 = 0 THEN ', updated_at timestamptz NOT NULL DEFAULT now()' END);
    EXECUTE format($rows$
      INSERT INTO audience_data.app_%1$s (external_id, attributes, created_at)
      SELECT 'person-%1$s-' || n,
        jsonb_build_object('plan', (ARRAY['free', 'team', 'business'])[1 + n %% 3], 'sessions', n * %1$s),
        timestamptz '2023-01-01 00:00Z' + (%1$s * 10 + n) * interval '1 day'
      FROM generate_series(1, 3 + %1$s %% 5) AS n$rows$, app);
  END LOOP;
END $$;
