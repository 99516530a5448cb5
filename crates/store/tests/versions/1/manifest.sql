CREATE TABLE store_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO store_meta (key, value) VALUES ('version', 1);
CREATE TABLE store_tables (
    workspace BLOB NOT NULL, name TEXT NOT NULL, declaration TEXT NOT NULL,
    PRIMARY KEY (workspace, name)) STRICT;
INSERT INTO store_tables (workspace, name, declaration) VALUES (X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', '{"name":"Frozen_CL","kind":"custom","retention_days":90,"columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"N","type":"long"},{"name":"Text","type":"string"},{"name":"Facts","type":"dynamic"},{"name":"At","type":"datetime"},{"name":"TenantId","type":"string"},{"name":"Type","type":"string"},{"name":"_ResourceId","type":"string"},{"name":"_SubscriptionId","type":"string"},{"name":"_BilledSize","type":"real"},{"name":"_IsBillable","type":"string"},{"name":"_TimeReceived","type":"datetime"}]}');
CREATE TABLE store_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, workspace BLOB NOT NULL, table_name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, day INTEGER NOT NULL, size_bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
    time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, seq_min INTEGER NOT NULL, seq_max INTEGER NOT NULL,
    sorted_by TEXT NOT NULL) STRICT;
INSERT INTO store_files (id, workspace, table_name, path, day, size_bytes, rows, time_min, time_max, seq_min, seq_max, sorted_by) VALUES (3, X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', 'data/0e49a776-6794-439e-87a0-42d0987f5c1d/Frozen_CL/739920/01a20296c96471f3973d2b9b1081445a.parquet', 739920, 4653, 10, 639290880000000000, 639291204000000000, 5, 5, 'TimeGenerated,__seq');
INSERT INTO store_files (id, workspace, table_name, path, day, size_bytes, rows, time_min, time_max, seq_min, seq_max, sorted_by) VALUES (4, X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', 'data/0e49a776-6794-439e-87a0-42d0987f5c1d/Frozen_CL/739921/01a20296c97773728f3c946f6b057d82.parquet', 739921, 4657, 10, 639291744000000000, 639292068000000000, 5, 5, 'TimeGenerated,__seq');
INSERT INTO store_files (id, workspace, table_name, path, day, size_bytes, rows, time_min, time_max, seq_min, seq_max, sorted_by) VALUES (5, X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', 'data/0e49a776-6794-439e-87a0-42d0987f5c1d/Frozen_CL/739922/01a20296c98b7377b0df26e620deb53b.parquet', 739922, 4659, 10, 639292608000000000, 639292932000000000, 5, 5, 'TimeGenerated,__seq');
CREATE TABLE store_positions (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (workspace, table_name)) STRICT;
INSERT INTO store_positions (workspace, table_name, seq) VALUES (X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', 5);
CREATE TABLE store_sources (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, source BLOB NOT NULL,
    seq INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (workspace, table_name, source)) STRICT, WITHOUT ROWID;
INSERT INTO store_sources (workspace, table_name, source, seq, seen) VALUES (X'0e49a7766794439e87a042d0987f5c1d', 'Frozen_CL', X'42d277c54aa85f6fad8965a2e99ba4f3', 1, 639309365662280530);
