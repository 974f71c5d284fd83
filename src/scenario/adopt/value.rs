//! What goes into the making of a scenario from files, and what comes out.

/// A file by its name and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'t> {
    /// What it is called in messages; a connector without a name takes it from here.
    pub name: &'t str,
    /// Its text.
    pub text: &'t str,
}

/// What has to be asked of other floors.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Whether a setting of this name and value holds a secret in clear text.
    pub hides: &'a dyn Fn(&str, &str) -> bool,
    /// The plugins in a folder of `plugin.path` on this machine: jars and folders of jars; none where it is not there.
    pub plugins_in: &'a dyn Fn(&str) -> Vec<String>,
}

/// A scenario made of somebody's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// Its text; a scenario without mistakes, and without the secrets of the files.
    pub text: String,
    /// What was left out or changed, and what its user has to do, a sentence each; without any value of the files.
    pub notes: Vec<String>,
}

/// A setting that goes into the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
}

impl Setting {
    /// A setting of this name and value.
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }
}
