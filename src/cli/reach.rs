//! How the command line names a Connect cluster that is already there: an inventory file, or addresses.

use std::path::PathBuf;

use clap::Args;

use crate::connect::reach::Reach;
use crate::scenario::inventory::{Inventory, RestMeans, has_user};

use super::exit::Exit;
use super::input::read_text;
use super::output::Output;

/// Where the password of `--rest-user` is read from: an argument could be seen by every user of the machine.
const PASSWORD: &str = "SQUALL_REST_PASSWORD";

/// Arguments that say how a cluster is reached.
#[derive(Debug, Args)]
pub struct ReachArguments {
    /// Inventory file of the cluster
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bootstrap", "rest"])]
    pub attach: Option<PathBuf>,
    /// Brokers to ask first, without an inventory
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Option<String>,
    /// REST address of one worker, without an inventory
    #[arg(long, value_name = "URL", required_unless_present = "attach")]
    pub rest: Option<String>,
    /// The workers' group.id, where it cannot be told from the worker
    #[arg(long, value_name = "ID")]
    pub group: Option<String>,
    /// The workers' status.storage.topic, where it has not its usual name
    #[arg(long, value_name = "TOPIC")]
    pub status_topic: Option<String>,
    /// A client setting of librdkafka, such as security.protocol=SASL_SSL; may be repeated
    #[arg(long = "client", value_name = "KEY=VALUE")]
    pub client: Vec<String>,
    /// A file of such settings, one in a line; for passwords
    #[arg(long, value_name = "FILE")]
    pub client_config: Option<PathBuf>,
    /// User name for REST; the password is read from SQUALL_REST_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub rest_user: Option<String>,
    /// PEM file of the authority that signed the workers' certificates
    #[arg(long, value_name = "FILE")]
    pub rest_ca: Option<PathBuf>,
    /// PEM file of a client certificate for REST
    #[arg(long, value_name = "FILE", requires = "rest_key")]
    pub rest_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE", requires = "rest_cert")]
    pub rest_key: Option<PathBuf>,
}

/// The way to the cluster; what is wrong with the arguments goes to stderr.
pub fn reach(arguments: &ReachArguments, output: &Output) -> Result<Reach, Exit> {
    let refused = |why: String| output.failed(Exit::Usage, &why);
    let mut inventory = match &arguments.attach {
        Some(path) => super::attach::read(path, output)?.0,
        None => of_addresses(arguments).map_err(refused)?,
    };
    for (key, value) in settings(arguments).map_err(refused)? {
        inventory.client.0.insert(key, value);
    }
    with_means(&mut inventory.rest, arguments).map_err(refused)?;
    if let Some(group) = &arguments.group {
        inventory.group_id = Some(group.clone());
    }
    if let Some(topic) = &arguments.status_topic {
        inventory.topics.status.clone_from(topic);
    }
    let mut reach = Reach::of(&inventory);
    if arguments.attach.is_none() {
        for (_, known) in &mut reach.workers {
            known.name = None;
        }
    }
    Ok(reach)
}

fn of_addresses(arguments: &ReachArguments) -> Result<Inventory, String> {
    let rest = arguments.rest.as_deref().unwrap_or_default();
    let bootstrap = arguments.bootstrap.as_deref().unwrap_or_default();
    // Neither is shown: what stands before the `@` may be a password.
    if has_user(rest) {
        return Err(format!(
            "a user in the address of --rest; write it like http://host:8083, the user as --rest-user, and the password into {PASSWORD}"
        ));
    }
    if has_user(bootstrap) {
        let why = "a user in the address of --bootstrap; write it like host:9092, and put sasl.username and sasl.password into the file of --client-config";
        return Err(why.to_owned());
    }
    if !rest.starts_with("http://") && !rest.starts_with("https://") {
        return Err(format!(
            "`{rest}` is no REST address; write it like http://host:8083"
        ));
    }
    Ok(Inventory::of(bootstrap, rest))
}

/// Client settings from the file, then from the arguments, which win.
fn settings(arguments: &ReachArguments) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    if let Some(path) = &arguments.client_config {
        let text =
            read_text(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let lines = text.lines().map(str::trim).enumerate();
        for (n, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            // The line itself may be half a password: it is not shown.
            let wrong = || format!("{}:{}: not KEY=VALUE", path.display(), n + 1);
            settings.push(pair(line).ok_or_else(wrong)?);
        }
    }
    for text in &arguments.client {
        let wrong = || "a value of --client is not KEY=VALUE".to_owned();
        settings.push(pair(text).ok_or_else(wrong)?);
    }
    Ok(settings)
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    let key = key.trim();
    (!key.is_empty()).then(|| (key.to_owned(), value.trim().to_owned()))
}

fn with_means(means: &mut RestMeans, arguments: &ReachArguments) -> Result<(), String> {
    if let Some(user) = &arguments.rest_user {
        let password = std::env::var(PASSWORD)
            .map_err(|_| format!("--rest-user needs a password in {PASSWORD}"))?;
        means.basic = Some((user.clone(), password));
    }
    if let Some(file) = &arguments.rest_ca {
        means.ca_file = Some(file.clone());
    }
    if let (Some(certificate), Some(key)) = (&arguments.rest_cert, &arguments.rest_key) {
        means.client = Some((certificate.clone(), key.clone()));
    }
    Ok(())
}
