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
        let home = || variable("HOME").unwrap_or_else(|| PathBuf::from("/tmp"));
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

    /// A folder that holds everything of one run outside its run folder.
    pub fn temp_of(&self, run: &str) -> PathBuf {
        self.temp.join(format!("squall-{run}"))
    }
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
