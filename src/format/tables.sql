-- The tables of an export to SQLite; docs/formats/sqlite.md says more. Times are nanoseconds since the session began.
CREATE TABLE facts(name TEXT NOT NULL, value);
CREATE TABLE losses(cpu INTEGER, event TEXT, records INTEGER NOT NULL);
CREATE TABLE notes(text TEXT NOT NULL);
CREATE TABLE kinds(id INTEGER PRIMARY KEY, name TEXT NOT NULL, covered_by TEXT, unit TEXT NOT NULL, period REAL);
CREATE TABLE processes(id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, name TEXT, command_line TEXT, cgroup TEXT,
  namespace_pid INTEGER, parent INTEGER, start_ns INTEGER, end_ns INTEGER);
CREATE TABLE threads(id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES processes, tid INTEGER NOT NULL, name TEXT,
  start_ns INTEGER, end_ns INTEGER);
CREATE TABLE modules(id INTEGER PRIMARY KEY, path TEXT NOT NULL, build_id TEXT);
CREATE TABLE mappings(process INTEGER REFERENCES processes, module INTEGER NOT NULL REFERENCES modules,
  start_address TEXT NOT NULL, end_address TEXT NOT NULL, module_offset TEXT NOT NULL, from_ns INTEGER, until_ns INTEGER);
CREATE TABLE functions(id INTEGER PRIMARY KEY, name TEXT NOT NULL, full_name TEXT NOT NULL, module TEXT NOT NULL,
  is_kernel INTEGER NOT NULL, is_known INTEGER NOT NULL);
CREATE TABLE frames(id INTEGER PRIMARY KEY, function INTEGER NOT NULL REFERENCES functions, file TEXT, line INTEGER,
  module_offset TEXT, is_inlined INTEGER NOT NULL, is_kernel INTEGER NOT NULL);
CREATE TABLE stacks(id INTEGER PRIMARY KEY, depth INTEGER NOT NULL, leaf INTEGER REFERENCES frames, end TEXT NOT NULL);
CREATE TABLE stack_frames(stack INTEGER NOT NULL REFERENCES stacks, position INTEGER NOT NULL,
  frame INTEGER NOT NULL REFERENCES frames, PRIMARY KEY(stack, position)) WITHOUT ROWID;
CREATE TABLE attributes(set_id INTEGER NOT NULL, name TEXT NOT NULL, value);
CREATE INDEX attributes_by_set ON attributes(set_id);
CREATE TABLE samples(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind INTEGER REFERENCES kinds, value,
  thread INTEGER REFERENCES threads, comm TEXT, cpu INTEGER, stack INTEGER REFERENCES stacks, attributes INTEGER);
-- Payloads that were kept with samples, a row for each field.
CREATE TABLE records(sample INTEGER NOT NULL REFERENCES samples, name TEXT NOT NULL, value, PRIMARY KEY(sample, name))
  WITHOUT ROWID;
CREATE TABLE spans(id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER REFERENCES kinds, start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL, thread INTEGER REFERENCES threads, comm TEXT, parent INTEGER, cpu INTEGER,
  stack INTEGER REFERENCES stacks, attributes INTEGER);
-- Samples with what their ids mean; `function` is the innermost, inlined ones count.
CREATE VIEW named_samples AS SELECT s.id, s.time_ns, k.name AS kind, s.value, k.unit, p.pid, t.tid, s.comm, p.name AS process,
  s.cpu, f.name AS function, f.module, s.stack, s.attributes FROM samples s LEFT JOIN kinds k ON k.id = s.kind
  LEFT JOIN threads t ON t.id = s.thread LEFT JOIN processes p ON p.id = t.process LEFT JOIN stacks c ON c.id = s.stack
  LEFT JOIN frames r ON r.id = c.leaf LEFT JOIN functions f ON f.id = r.function;
-- Each function with the samples in whose stacks it is, however often, and the value of those that it ran itself.
CREATE VIEW function_totals AS WITH
  weights AS (SELECT s.stack, s.kind, r.function AS leaf, count(*) AS samples, sum(s.value) AS value FROM samples s
    JOIN stacks c ON c.id = s.stack JOIN frames r ON r.id = c.leaf GROUP BY s.stack, s.kind),
  used AS (SELECT DISTINCT stack, function FROM stack_frames JOIN frames ON frames.id = frame)
  SELECT f.name, f.module, k.name AS kind, sum(w.samples) AS samples, sum(w.value) AS total,
  sum(CASE WHEN w.leaf = f.id THEN w.value ELSE 0 END) AS self
  FROM weights w JOIN used u ON u.stack = w.stack JOIN functions f ON f.id = u.function LEFT JOIN kinds k ON k.id = w.kind
  GROUP BY f.id, w.kind;
