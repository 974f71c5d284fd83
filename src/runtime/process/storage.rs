//! Formats the data folders of brokers: once per release with Kafka's own tool, then by copying what the tool made.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::RuntimeError;
use super::config::{self, BrokerPorts};
use super::installation::{Installation, lock};
use super::java::Java;
use super::tool;

const FORMAT_LIMIT: Duration = Duration::from_secs(60);
const META: &str = "meta.properties";

/// The files of a freshly formatted data folder of this release: from the cache, or made there by `kafka.tools.StorageTool`.
pub fn template(
    cache: &Path,
    installation: &Installation,
    java: &Java,
    stop: &AtomicBool,
) -> Result<PathBuf, RuntimeError> {
    let folder = cache.join(format!("format-{}", installation.version));
    let _lock = lock(cache, &folder, stop)?;
    if folder.join(META).is_file() {
        return Ok(folder);
    }
    let scratch = cache.join(format!("format-{}.part", installation.version));
    let _ = fs::remove_dir_all(&scratch);
    let data = scratch.join("data");
    fs::create_dir_all(&data).map_err(RuntimeError::file("make", &data))?;
    let properties = scratch.join("broker.properties");
    let ports = [BrokerPorts {
        clients: 1,
        controller: 2,
    }];
    let text = config::properties(&config::broker(1, &ports, &data));
    fs::write(&properties, text).map_err(RuntimeError::file("write", &properties))?;
    let mut command = tool::bound_to_us(&java.path);
    command
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(installation.class_path())
        .args(["kafka.tools.StorageTool", "format", "-t"])
        .arg(random_id()?)
        .arg("-c")
        .arg(&properties);
    let done = tool::run(
        "kafka.tools.StorageTool",
        command,
        &scratch,
        FORMAT_LIMIT,
        stop,
    )?;
    if !done.status.success() || !data.join(META).is_file() {
        let why = done
            .output
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("it said nothing");
        return Err(RuntimeError::Tool {
            tool: format!("kafka.tools.StorageTool of Kafka {}", installation.version),
            why: why.to_owned(),
        });
    }
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&data, &folder).map_err(RuntimeError::file("make", &folder))?;
    let _ = fs::remove_dir_all(&scratch);
    Ok(folder)
}

/// Makes the data folder of one broker from the template.
pub fn format(
    template: &Path,
    data: &Path,
    cluster_id: &str,
    node: u32,
) -> Result<(), RuntimeError> {
    fs::create_dir_all(data).map_err(RuntimeError::file("make", data))?;
    let entries = fs::read_dir(template).map_err(RuntimeError::file("read", template))?;
    for from in entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
    {
        let to = data.join(from.file_name().unwrap_or_default());
        if to.ends_with(META) {
            let text = fs::read_to_string(&from).map_err(RuntimeError::file("read", &from))?;
            let text = with_identity(&text, cluster_id, node, &random_id()?);
            fs::write(&to, text).map_err(RuntimeError::file("write", &to))?;
        } else {
            fs::copy(&from, &to).map_err(RuntimeError::file("write", &to))?;
        }
    }
    Ok(())
}

/// `meta.properties` with another identity. `directory.id` is there since 3.7 (KIP-858) and must differ from broker to broker.
fn with_identity(text: &str, cluster_id: &str, node: u32, directory_id: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.split_once('=') {
            Some(("cluster.id", _)) => format!("cluster.id={cluster_id}\n"),
            Some(("node.id", _)) => format!("node.id={node}\n"),
            Some(("directory.id", _)) => format!("directory.id={directory_id}\n"),
            Some(_) | None => format!("{line}\n"),
        })
        .collect()
}

/// A random id as Kafka writes them: 16 bytes in URL-safe base64 without padding, not beginning with a dash.
pub fn random_id() -> Result<String, RuntimeError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(RuntimeError::file("read", source))?;
    bytes[0] &= 0x7f;
    Ok(base64_url(bytes))
}

fn base64_url(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = u128::from_be_bytes(bytes);
    // 128 bits are 21 digits of 6 bits, and one of the last 2 bits with 4 zero bits behind them.
    let digit = |n: u32| match n {
        21 => (number << 4) & 0x3f,
        n => (number >> (122 - 6 * n)) & 0x3f,
    };
    (0..22)
        .map(|n| char::from(DIGITS[usize::try_from(digit(n)).expect("six bits")]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_kafka_reads_them() {
        assert_eq!(base64_url([0; 16]), "A".repeat(22));
        assert_eq!(base64_url([0xff; 16]), format!("{}w", "_".repeat(21)));
        assert_eq!(base64_url(*b"0123456789abcdef"), "MDEyMzQ1Njc4OWFiY2RlZg");
        let id = random_id().unwrap();
        assert_ne!(id, random_id().unwrap());
        assert!(!id.starts_with('-'));
    }

    #[test]
    fn each_broker_gets_an_identity_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let template = temp.path().join("template");
        fs::create_dir(&template).unwrap();
        fs::write(
            template.join(META),
            "#Mon\nversion=1\ncluster.id=x\nnode.id=1\ndirectory.id=y\n",
        )
        .unwrap();
        fs::write(template.join("bootstrap.checkpoint"), b"\0\x01").unwrap();
        let read = |node: u32| {
            let data = temp.path().join(node.to_string());
            format(&template, &data, "CLUSTER", node).unwrap();
            assert_eq!(
                fs::read(data.join("bootstrap.checkpoint")).unwrap(),
                b"\0\x01"
            );
            fs::read_to_string(data.join(META)).unwrap()
        };
        let (one, two) = (read(1), read(2));
        assert!(
            one.starts_with("version=1\ncluster.id=CLUSTER\nnode.id=1\ndirectory.id="),
            "{one}"
        );
        assert!(two.contains("node.id=2\n") && !two.contains("directory.id=y"));
        assert_ne!(one.lines().last(), two.lines().last());
    }
}
