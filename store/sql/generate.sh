#!/bin/sh
# Makes db/*.go of the queries and the schema, and notes what it was made of: TestFresh compares. Needs bin/tools/sqlc ("make generate").
set -e
cd "$(dirname "$0")"
../../bin/tools/sqlc generate
sha256sum sqlc.yaml queries/*.sql migrations/postgres/*.sql db/db.go db/models.go db/*.sql.go > db/fresh.sha256
