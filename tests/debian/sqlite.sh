# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034,SC2016
#
# SQLite's shell: rows inserted in one transaction, an index, sums, and the
# integrity check; on tmpfs, and in a folder of the host, where Linux's sqlite3
# then reads what Moka's has written.

sqlite_sql() {
    cat <<END
create table t(a integer primary key, b text, c real);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < $rows)
insert into t select i, hex(i * 7919), sqrt(i) from n;
commit;
create index b on t(b);
select count(*), sum(a), min(b), max(b), total(c) from t;
begin; delete from t where a % 3 = 0; rollback;
begin; update t set c = c + 1 where a % 7 = 0; commit;
select sum(c), sum(length(b)) from t where b > '35';
pragma integrity_check;
END
}
sqlite_rows() {
    rm -f "$work/db"
    sqlite_sql | run /usr/bin/sqlite3 db
    [ "$place" = tmp ] || {
        other=$how how=linux
        run /usr/bin/sqlite3 db 'pragma integrity_check; select count(*), sum(a), total(c) from t'
        how=$other
    }
    rm -f "$work/db" "$scratch/db"
}
# sqlite_tests ROWS
sqlite_tests() {
    rows=$1
    place=tmp
    same "sqlite3, $rows rows, tmpfs" sqlite_rows
    place=share
    same "sqlite3, $rows rows, a share" sqlite_rows
}
