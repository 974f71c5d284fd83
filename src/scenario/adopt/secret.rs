//! Secrets of somebody's files: a variable of the environment stands for each, so that no value reaches the scenario.

use super::notes::Notes;
use super::value::{Around, Setting};

/// Kafka's own provider of variables of the environment (KIP-887, 3.5 and later).
const ENV_PROVIDER: &str = "org.apache.kafka.common.config.provider.EnvVarConfigProvider";

/// Replaces each secret by `${env:NAME}`, gives the workers the provider that reads it, and says which variables to set.
pub(super) fn hide(
    worker: &mut Vec<Setting>,
    connector: &mut [Setting],
    around: &Around<'_>,
    notes: &mut Notes,
) {
    let provider = provider(worker);
    let mut variables: Vec<String> = Vec::new();
    for setting in worker.iter_mut().chain(connector) {
        if !is_clear(setting, around) {
            continue;
        }
        let variable = variable(&setting.name, &variables);
        notes.say(format!(
            "set the variable {variable} for `squall run`: it stands for `{}`, which holds a secret",
            setting.name
        ));
        setting.value = format!("${{{}:{variable}}}", provider.name);
        variables.push(variable);
    }
    if !variables.is_empty() {
        provide(worker, &provider);
        notes.say(
            "variables reach workers that are processes of this machine, not those in containers"
                .to_owned(),
        );
    }
}

/// Whether a secret stands there in clear text; a reference to a configuration provider is none.
fn is_clear(setting: &Setting, around: &Around<'_>) -> bool {
    let value = setting.value.trim();
    let is_reference = value.starts_with("${")
        && value.ends_with('}')
        && value.contains(':')
        && value.matches("${").count() == 1;
    !value.is_empty() && !is_reference && (around.hides)(&setting.name, &setting.value)
}

/// `connection.password` becomes `CONNECTION_PASSWORD`, a second one `CONNECTION_PASSWORD_2`.
fn variable(name: &str, taken: &[String]) -> String {
    let mut plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) {
        plain.insert(0, '_');
    }
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    std::iter::once(plain.clone())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or(plain)
}

struct Provider {
    name: String,
    is_there: bool,
}

/// The workers' own provider of variables, or a new one under a name that none of theirs has.
fn provider(worker: &[Setting]) -> Provider {
    let value = |name: &str| {
        let setting = worker.iter().find(|setting| setting.name == name);
        setting.map_or("", |setting| setting.value.trim())
    };
    let names: Vec<&str> = value("config.providers")
        .split(',')
        .map(str::trim)
        .collect();
    let own = names
        .iter()
        .find(|name| value(&format!("config.providers.{name}.class")) == ENV_PROVIDER);
    match own {
        Some(name) => Provider {
            name: (*name).to_owned(),
            is_there: true,
        },
        None => Provider {
            name: if names.contains(&"env") {
                "squallenv"
            } else {
                "env"
            }
            .to_owned(),
            is_there: false,
        },
    }
}

fn provide(worker: &mut Vec<Setting>, provider: &Provider) {
    if provider.is_there {
        return;
    }
    let name = &provider.name;
    match worker
        .iter_mut()
        .find(|setting| setting.name == "config.providers")
    {
        Some(setting) if !setting.value.trim().is_empty() => {
            setting.value = format!("{},{name}", setting.value.trim());
        }
        Some(setting) => setting.value.clone_from(name),
        None => worker.push(Setting::new("config.providers", name)),
    }
    let class = format!("config.providers.{name}.class");
    worker.push(Setting::new(&class, ENV_PROVIDER));
}
