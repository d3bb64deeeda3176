-- The tables of Redmine 5.0 that the migrations are about, as its migrations of many years leave them on PostgreSQL; `normalized_address` and its
-- index are new in the release that is going on.

CREATE TABLE users (
  id serial PRIMARY KEY,
  login varchar DEFAULT '' NOT NULL,
  firstname varchar(30) DEFAULT '' NOT NULL,
  lastname varchar(255) DEFAULT '' NOT NULL,
  admin boolean DEFAULT false NOT NULL,
  status integer DEFAULT 1 NOT NULL,
  last_login_on timestamp,
  language varchar(5) DEFAULT '',
  created_on timestamp,
  updated_on timestamp,
  type varchar
);
CREATE INDEX index_users_on_id_and_type ON users (id, type);

CREATE TABLE email_addresses (
  id serial PRIMARY KEY,
  user_id integer NOT NULL,
  address varchar NOT NULL,
  is_default boolean DEFAULT false NOT NULL,
  notify boolean DEFAULT true NOT NULL,
  created_on timestamp NOT NULL,
  updated_on timestamp NOT NULL,
  normalized_address varchar
);
CREATE INDEX index_email_addresses_on_user_id ON email_addresses (user_id);
CREATE UNIQUE INDEX index_email_addresses_on_normalized_address ON email_addresses (normalized_address);

CREATE TABLE queries (
  id serial PRIMARY KEY,
  project_id integer,
  name varchar DEFAULT '' NOT NULL,
  filters text,
  user_id integer DEFAULT 0 NOT NULL,
  column_names text,
  sort_criteria text,
  group_by varchar,
  type varchar,
  visibility integer DEFAULT 0,
  options text
);
CREATE INDEX index_queries_on_project_id ON queries (project_id);
CREATE INDEX index_queries_on_user_id ON queries (user_id);

CREATE TABLE roles (
  id serial PRIMARY KEY,
  name varchar(255) DEFAULT '' NOT NULL,
  position integer DEFAULT 1,
  assignable boolean DEFAULT true,
  builtin integer DEFAULT 0 NOT NULL,
  permissions text
);

CREATE TABLE trackers (
  id serial PRIMARY KEY,
  name varchar(30) DEFAULT '' NOT NULL,
  position integer DEFAULT 1,
  is_in_roadmap boolean DEFAULT true NOT NULL,
  fields_bits integer DEFAULT 0,
  default_status_id integer,
  description varchar
);

CREATE TABLE issue_statuses (
  id serial PRIMARY KEY,
  name varchar(30) DEFAULT '' NOT NULL,
  is_closed boolean DEFAULT false NOT NULL,
  position integer DEFAULT 1,
  default_done_ratio integer
);
CREATE INDEX index_issue_statuses_on_is_closed ON issue_statuses (is_closed);
CREATE INDEX index_issue_statuses_on_position ON issue_statuses (position);

CREATE TABLE custom_fields (
  id serial PRIMARY KEY,
  type varchar(30) DEFAULT '' NOT NULL,
  name varchar(30) DEFAULT '' NOT NULL,
  field_format varchar(30) DEFAULT '' NOT NULL,
  possible_values text,
  regexp varchar DEFAULT '',
  min_length integer,
  max_length integer,
  is_required boolean DEFAULT false NOT NULL,
  is_for_all boolean DEFAULT false NOT NULL,
  is_filter boolean DEFAULT false NOT NULL,
  position integer,
  searchable boolean DEFAULT false,
  default_value text,
  editable boolean DEFAULT true,
  visible boolean DEFAULT true NOT NULL,
  multiple boolean DEFAULT false,
  format_store text,
  description text
);
CREATE INDEX index_custom_fields_on_id_and_type ON custom_fields (id, type);

CREATE TABLE enumerations (
  id serial PRIMARY KEY,
  name varchar(30) DEFAULT '' NOT NULL,
  position integer,
  is_default boolean DEFAULT false NOT NULL,
  type varchar,
  active boolean DEFAULT true NOT NULL,
  project_id integer,
  parent_id integer,
  position_name varchar(30)
);
CREATE INDEX index_enumerations_on_project_id ON enumerations (project_id);
CREATE INDEX index_enumerations_on_id_and_type ON enumerations (id, type);
