//! Installed packages from rpm's database. SQLite (Fedora 33, RHEL 9 and later) is read; the older Berkeley
//! DB and SUSE's ndb are named as not supported rather than reported as "no packages".

use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::dpkg::Package;
use super::rpm_header;

/// Where the database may lie; rpm 4.16 moved it.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
/// Largest header read; a kernel package with all its files has about 3 MB.
const HEADER_BYTES_MAX: i64 = 64 << 20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RpmDatabase {
    None,
    Sqlite(PathBuf),
    Unsupported(String),
}

pub(super) fn find() -> RpmDatabase {
    for folder in FOLDERS.map(Path::new) {
        let sqlite = folder.join("rpmdb.sqlite");
        if sqlite.is_file() {
            return RpmDatabase::Sqlite(sqlite);
        }
        for (file, format) in [("Packages.db", "ndb"), ("Packages", "Berkeley DB")] {
            if folder.join(file).is_file() {
                let message =
                    format!("the rpm database `{}` has the {format} format", folder.join(file).display());
                return RpmDatabase::Unsupported(message);
            }
        }
    }
    RpmDatabase::None
}

/// Reads all packages of a SQLite rpm database. Damaged headers are skipped and counted.
///
/// # Errors
/// When the file is no such database.
pub async fn read_database(path: &Path) -> io::Result<(Vec<Package>, u64)> {
    let wrap = |error: sqlx::Error| io::Error::other(format!("`{}`: {error}", path.display()));
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection = options.connect().await.map_err(wrap)?;
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("SELECT blob FROM Packages WHERE length(blob) <= ?")
        .bind(HEADER_BYTES_MAX)
        .fetch_all(&mut connection)
        .await
        .map_err(wrap)?;
    connection.close().await.map_err(wrap)?;
    let packages: Vec<Package> = rows.iter().filter_map(|(header,)| rpm_header::parse(header)).collect();
    let damaged = (rows.len() - packages.len()) as u64;
    Ok((packages, damaged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packages_are_read_from_sqlite_and_garbage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpmdb.sqlite");
        let mut connection =
            SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
        sqlx::query("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
            .execute(&mut connection)
            .await
            .unwrap();
        let header = rpm_header::tests::build(&[(1000, "bash"), (1001, "5.1"), (1002, "2")]);
        for blob in [header, b"not a header".to_vec()] {
            sqlx::query("INSERT INTO Packages (blob) VALUES (?)")
                .bind(blob)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let (packages, damaged) = read_database(&path).await.unwrap();
        assert_eq!((packages.len(), damaged), (1, 1));

        let garbage = folder.path().join("garbage.sqlite");
        std::fs::write(&garbage, "this is no database, however long it goes on").unwrap();
        assert!(read_database(&garbage).await.is_err());
        assert!(read_database(&folder.path().join("absent")).await.is_err());
    }
}
