//! Puts the scenario's plugins on the workers' plugin path.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::journal::Journal;
use crate::scenario::Plugin;

use super::super::RuntimeError;
use super::installation::{Installation, file_name, plugin_from_cache};
use super::maven::Coordinate;

/// Where each plugin stands on this machine; fetched when it is a coordinate. Relative paths count from `base`.
pub fn resolve(
    plugins: &[Plugin],
    base: &Path,
    cache: &Path,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Vec<PathBuf>, RuntimeError> {
    plugins
        .iter()
        .map(|plugin| match plugin {
            Plugin::Path(path) => on_disk(path, base),
            Plugin::Maven(text) => {
                let coordinate: Coordinate = text.parse().map_err(|why| RuntimeError::Plugin {
                    plugin: text.clone(),
                    why,
                })?;
                plugin_from_cache(cache, &coordinate, journal, stop)
            }
        })
        .collect()
}

fn on_disk(path: &str, base: &Path) -> Result<PathBuf, RuntimeError> {
    let failed = |why: String| RuntimeError::Plugin {
        plugin: path.to_owned(),
        why,
    };
    let found = fs::canonicalize(base.join(path))
        .map_err(|error| failed(format!("{error}; name a folder of jars or a jar")))?;
    let is_jar = found.is_file()
        && found
            .extension()
            .is_some_and(|extension| extension == "jar");
    if is_jar || !jars_below(&found).is_empty() {
        Ok(found)
    } else {
        Err(failed(
            "it holds no jar; name a folder of jars or a jar".to_owned(),
        ))
    }
}

/// Jars in the folder or one level below it.
fn jars_below(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    };
    let is_jar = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jar");
    let inside = entries(folder);
    let below: Vec<PathBuf> = inside
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| entries(path))
        .collect();
    inside.into_iter().chain(below).filter(is_jar).collect()
}

/// Kafka's test connectors live in a package that Connect never takes from the plugin path (`PluginUtils` refuses
/// `org.apache.kafka.connect.*` but for a few): a plugin that holds them belongs on the class path. Returns the jars to
/// add there, less those that the workers have in their own version, and the other plugins.
pub fn split(plugins: Vec<PathBuf>, worker: &Installation) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (for_class_path, others): (Vec<_>, Vec<_>) = plugins
        .into_iter()
        .partition(|plugin| jars_of(plugin).iter().any(|jar| is_of_kafka(jar)));
    let mut jars: Vec<PathBuf> = for_class_path
        .iter()
        .flat_map(|plugin| jars_of(plugin))
        .collect();
    jars.retain(|jar| !worker.has(artifact_of(&file_name(jar))));
    jars.sort();
    (jars, others)
}

fn jars_of(plugin: &Path) -> Vec<PathBuf> {
    if plugin.is_file() {
        vec![plugin.to_owned()]
    } else {
        jars_below(plugin)
    }
}

fn is_of_kafka(jar: &Path) -> bool {
    artifact_of(&file_name(jar)) == "connect-test-plugins"
}

/// `connect-file-4.1.1.jar` is of `connect-file`.
fn artifact_of(jar: &str) -> &str {
    let version = jar
        .match_indices('-')
        .find(|(at, _)| jar[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    version.map_or(jar, |(at, _)| &jar[..at])
}

/// Makes the folder `path_folder` with a link to each plugin, and returns the value of `plugin.path`. Connect takes each
/// entry of a plugin path folder for one plugin with class loader of its own; a folder of plugin folders is an entry itself.
pub fn plugin_path(path_folder: &Path, plugins: &[PathBuf]) -> Result<String, RuntimeError> {
    fs::create_dir_all(path_folder).map_err(RuntimeError::file("make", path_folder))?;
    let mut entries = vec![path_folder.display().to_string()];
    for (n, plugin) in plugins.iter().enumerate() {
        if is_folder_of_plugins(plugin) {
            entries.push(plugin.display().to_string());
        } else {
            let link = path_folder.join(format!("{n}-{}", file_name(plugin)));
            symlink(plugin, &link).map_err(RuntimeError::file("make", &link))?;
        }
    }
    Ok(entries.join(","))
}

fn is_folder_of_plugins(plugin: &Path) -> bool {
    let jars = jars_below(plugin);
    !jars.is_empty() && jars.iter().all(|jar| jar.parent() != Some(plugin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_test_connectors_go_to_the_class_path_without_what_the_workers_have() {
        let temp = tempfile::tempdir().unwrap();
        let (tests, other) = (temp.path().join("tests"), temp.path().join("other"));
        for jar in [
            "tests/connect-test-plugins-3.9.0.jar",
            "tests/jackson-core-2.16.2.jar",
            "other/mine-1.jar",
        ] {
            fs::create_dir_all(temp.path().join(jar).parent().unwrap()).unwrap();
            fs::write(temp.path().join(jar), b"").unwrap();
        }
        let worker = Installation {
            version: crate::model::KafkaVersion::new(4, 1, 1),
            jars: vec![PathBuf::from("/l/jackson-core-2.19.0.jar")],
            missing: vec![],
        };
        let (jars, others) = split(vec![tests.clone(), other.clone()], &worker);
        assert_eq!(jars, vec![tests.join("connect-test-plugins-3.9.0.jar")]);
        assert_eq!(others, vec![other]);
        assert_eq!(artifact_of("scala-library-2.13.16.jar"), "scala-library");
        assert_eq!(artifact_of("plain.jar"), "plain.jar");
    }

    #[test]
    fn a_jar_a_folder_of_jars_and_a_folder_of_plugins_all_reach_the_path() {
        let temp = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(temp.path()).unwrap();
        fs::create_dir_all(base.join("many/one")).unwrap();
        fs::create_dir_all(base.join("flat")).unwrap();
        fs::create_dir_all(base.join("empty")).unwrap();
        for jar in ["single.jar", "flat/a.jar", "many/one/b.jar"] {
            fs::write(base.join(jar), b"").unwrap();
        }
        let found: Vec<PathBuf> = ["single.jar", "flat", "many"]
            .iter()
            .map(|path| on_disk(path, &base).unwrap())
            .collect();
        let path = plugin_path(&base.join("path"), &found).unwrap();
        assert_eq!(path, format!("{0}/path,{0}/many", base.display()));
        assert!(base.join("path/0-single.jar").is_file());
        assert!(base.join("path/1-flat/a.jar").is_file());
        for wrong in ["empty", "nowhere", "flat/none.jar"] {
            let error = on_disk(wrong, &base).unwrap_err().to_string();
            assert!(
                error.contains(wrong) && error.contains("folder of jars"),
                "{error}"
            );
        }
    }
}
