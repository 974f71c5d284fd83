//! Where Squall keeps things between runs: its cache, its ledgers and its temporary folders.

use std::path::PathBuf;

/// The folders of the user that outlive a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFolders {
    /// Fetched Kafka releases, plugins and class-data archives: `SQUALL_CACHE`, else `$XDG_CACHE_HOME/squall`, else `~/.cache/squall`.
    pub cache: PathBuf,
    /// Run ledgers: `SQUALL_STATE`, else `$XDG_STATE_HOME/squall`, else `~/.local/state/squall`.
    pub state: PathBuf,
    /// Where broker data stands during a run: `TMPDIR`, else `/tmp`.
    pub temp: PathBuf,
}

impl UserFolders {
    /// The folders that the environment names.
    pub fn from_env() -> Self {
        Self::from(|name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        })
    }

    fn from(variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let home = || variable("HOME").unwrap_or_else(home_by_number);
        let folder = |own: &str, xdg: &str, below_home: &str| {
            variable(own)
                .or_else(|| {
                    variable(xdg)
                        .filter(|base| base.is_absolute())
                        .map(|base| base.join("squall"))
                })
                .unwrap_or_else(|| home().join(below_home).join("squall"))
        };
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Self {
            cache: absolute(folder("SQUALL_CACHE", "XDG_CACHE_HOME", ".cache")),
            state: absolute(folder("SQUALL_STATE", "XDG_STATE_HOME", ".local/state")),
            temp: absolute(variable("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"))),
        }
    }

    /// Where run ledgers stand.
    pub fn ledgers(&self) -> PathBuf {
        self.state.join("ledger")
    }
}

/// The home of the user whom this process runs as, where `HOME` is not set. Never a place that others can write to: what is
/// cached is run.
fn home_by_number() -> PathBuf {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = rustix::process::geteuid().as_raw().to_string();
    home_of(&users, &user).unwrap_or_else(|| PathBuf::from("/"))
}

/// The home of the user with this number in the text of `/etc/passwd`.
fn home_of(users: &str, user: &str) -> Option<PathBuf> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let home = fields.get(5).filter(|home| home.starts_with('/'))?;
        (fields.get(2) == Some(&user)).then(|| PathBuf::from(home))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> UserFolders {
        UserFolders::from(|name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn without_home_nothing_is_kept_where_others_can_write() {
        let users = "root:x:0:0:root:/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\nbad:x:7\n";
        assert_eq!(home_of(users, "1000"), Some(PathBuf::from("/home/ops")));
        assert_eq!(home_of(users, "7"), None);
        let folders = with(&[]);
        for folder in [&folders.cache, &folders.state] {
            assert!(!folder.starts_with("/tmp"), "{}", folder.display());
        }
    }

    #[test]
    fn own_variables_win_over_xdg_and_xdg_over_home() {
        let home = with(&[("HOME", "/h")]);
        assert_eq!(home.cache, PathBuf::from("/h/.cache/squall"));
        assert_eq!(
            home.ledgers(),
            PathBuf::from("/h/.local/state/squall/ledger")
        );
        assert_eq!(home.temp, PathBuf::from("/tmp"));
        let xdg = with(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]);
        assert_eq!(xdg.cache, PathBuf::from("/x/squall"));
        let own = with(&[
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
            ("SQUALL_CACHE", "/o"),
        ]);
        assert_eq!(own.cache, PathBuf::from("/o"));
    }
}
