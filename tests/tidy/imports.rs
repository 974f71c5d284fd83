//! Which file of the house imports which, read from the sources, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::tokens::{self, Spoken};

/// The path of a module below the crate: `["verify", "leg"]`; of `lib.rs` it is empty.
type Module = Vec<String>;

/// How often a name may be passed on by `pub use` until its file is reached.
const MOST_REEXPORTS: usize = 9;

/// The import graph of some files.
pub struct Imports {
    files: BTreeMap<Module, String>,
    /// For each module what it passes on under which name.
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
    edges: BTreeMap<Module, BTreeSet<Module>>,
}

impl Imports {
    /// Reads the graph from files, given by path (`src/…`) and text. Modules for tests only are left out, and a `mod`
    /// line is no import; a name that is passed on by `pub use` is an import of the file that says what it is.
    pub fn of<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut spoken: BTreeMap<Module, (String, Spoken)> = BTreeMap::new();
        for (path, text) in sources {
            if let Some(module) = module_of(path) {
                spoken.insert(module, (path.to_owned(), tokens::spoken(text)));
            }
        }
        let tests: BTreeSet<Module> = spoken
            .iter()
            .flat_map(|(module, (_, spoken))| tests_of(module, spoken))
            .collect();
        spoken.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let mut imports = Self {
            files: spoken
                .iter()
                .map(|(module, (path, _))| (module.clone(), path.clone()))
                .collect(),
            passed_on: BTreeMap::new(),
            edges: BTreeMap::new(),
        };
        for (module, (_, spoken)) in &spoken {
            let passed_on = spoken.passed_on.iter().filter_map(|(name, path)| {
                Some((name.clone(), imports.below_crate(module, path)?))
            });
            let passed_on = passed_on.collect();
            imports.passed_on.insert(module.clone(), passed_on);
        }
        for (module, (_, spoken)) in &spoken {
            let named = spoken.named.iter();
            let files = named.filter_map(|path| {
                let path = imports.below_crate(module, path)?;
                imports.file_of(&path, MOST_REEXPORTS)
            });
            let files = files.filter(|file| file != module).collect();
            imports.edges.insert(module.clone(), files);
        }
        imports
    }

    /// Every circle, each once, as a shortest way through it: `a.rs -> b.rs -> a.rs`.
    pub fn circles(&self) -> Vec<String> {
        let mut known = BTreeSet::new();
        let mut circles = Vec::new();
        for module in self.files.keys() {
            if known.contains(module) {
                continue;
            }
            let Some(ring) = self.ring(module) else {
                continue;
            };
            let seen = self.reached_from(module);
            known.extend(
                seen.into_iter()
                    .filter(|other| self.reached_from(other).contains(module)),
            );
            let names: Vec<&str> = ring.iter().map(|step| self.files[step].as_str()).collect();
            circles.push(names.join(" -> "));
        }
        circles
    }

    fn reached_from(&self, module: &Module) -> BTreeSet<Module> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Module> = self.edges[module].iter().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next.clone()) {
                open.extend(&self.edges[next]);
            }
        }
        reached
    }

    /// A shortest way from a module back to it.
    fn ring(&self, module: &Module) -> Option<Vec<Module>> {
        let mut ways = VecDeque::from([vec![module.clone()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            for next in way
                .last()
                .map_or(&BTreeSet::new(), |last| &self.edges[last])
            {
                let mut longer = way.clone();
                longer.push(next.clone());
                if next == module {
                    return Some(longer);
                }
                if seen.insert(next.clone()) {
                    ways.push_back(longer);
                }
            }
        }
        None
    }

    /// The path from the crate on of a path as it is written in a module; `None` where another crate is named.
    fn below_crate(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module.as_slice(), rest].concat()),
            "super" => {
                let (_, parent) = module.split_last()?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.below_crate(&parent.to_vec(), rest),
                    _ => Some([parent, rest].concat()),
                }
            }
            _ => {
                let child = [module.as_slice(), std::slice::from_ref(first)].concat();
                self.files
                    .contains_key(&child)
                    .then(|| [module.as_slice(), path].concat())
            }
        }
    }

    /// The file that says what this path from the crate on is.
    fn file_of(&self, path: &[String], reexports: usize) -> Option<Module> {
        let split = (0..=path.len())
            .rev()
            .find(|split| self.files.contains_key(&path[..*split]))?;
        let (module, rest) = path.split_at(split);
        let passed_on = rest
            .split_first()
            .and_then(|(name, rest)| Some((self.passed_on.get(module)?.get(name)?, rest)));
        match passed_on {
            Some((target, rest)) if reexports > 0 => {
                self.file_of(&[target.as_slice(), rest].concat(), reexports - 1)
            }
            Some(_) | None => Some(module.to_vec()),
        }
    }
}

/// The module of a file; `None` for `main.rs`, which only calls the library.
fn module_of(path: &str) -> Option<Module> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Module = path.split('/').map(str::to_owned).collect();
    match path {
        "main" => return None,
        "lib" => module.clear(),
        _ => drop(module.pop_if(|last| last == "mod")),
    }
    Some(module)
}

/// The modules that a file declares for tests only; one with a path of its own stands beside the file.
fn tests_of(module: &Module, spoken: &Spoken) -> Vec<Module> {
    let beside = module.split_last().map_or(&[][..], |(_, parent)| parent);
    let child = |parent: &[String], name: &str| [parent, &[name.to_owned()]].concat();
    let tests = spoken.tests.iter();
    tests
        .map(|name| match name.strip_suffix(".rs") {
            Some(file) => child(beside, file),
            None => child(module, name),
        })
        .collect()
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let imports = Imports::of([
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "use super::b::{B, C as D};"),
        ("src/b.rs", "fn f() -> crate::a::A { todo!() }"),
    ]);
    assert_eq!(imports.circles(), ["src/a.rs -> src/b.rs -> src/a.rs"]);
}

#[test]
fn a_circle_through_a_name_that_is_passed_on_is_found() {
    let imports = Imports::of([
        ("src/lib.rs", "pub mod floor; mod user;"),
        (
            "src/floor/mod.rs",
            "mod deep; pub use deep::{Deep as Known};",
        ),
        (
            "src/floor/deep.rs",
            "use crate::user::User; pub struct Deep(User);",
        ),
        ("src/user.rs", "use crate::floor::Known; pub struct User;"),
    ]);
    assert_eq!(
        imports.circles(),
        ["src/floor/deep.rs -> src/user.rs -> src/floor/deep.rs"]
    );
}

#[test]
fn a_circle_of_three_is_told_once_and_a_child_that_imports_its_parent_is_one() {
    let imports = Imports::of([
        ("src/a.rs", "use crate::b;"),
        ("src/b.rs", "use crate::c;"),
        ("src/c.rs", "use crate::a;"),
        ("src/d/mod.rs", "mod e; fn f() { e::run() }"),
        ("src/d/e.rs", "use super::LIMIT; pub fn run() {}"),
    ]);
    assert_eq!(
        imports.circles(),
        [
            "src/a.rs -> src/b.rs -> src/c.rs -> src/a.rs",
            "src/d/mod.rs -> src/d/e.rs -> src/d/mod.rs"
        ]
    );
}

#[test]
fn tests_comments_texts_and_what_a_parent_passes_on_are_no_circle() {
    let imports = Imports::of([
        ("src/lib.rs", "pub mod a; mod b; pub use b::B;"),
        (
            "src/a.rs",
            "use crate::B; #[cfg(test)] #[path = \"a_tests.rs\"] mod tests; #[cfg(test)] mod more { use crate::b; }",
        ),
        (
            "src/b.rs",
            "// crate::a::A\n/* use crate::a::A; /* deep */ crate::a::A */ const T: &str = \"crate::a::A\"; \
             const R: &str = r#\"\"crate::a::A\"#; fn f<'a>(c: &'a char) -> bool { *c == '\"' } const S: char = '\\''; \
             #[cfg(test)] use crate::a::A; pub struct B;",
        ),
        ("src/a_tests.rs", "use crate::b::B; use super::a;"),
    ]);
    assert_eq!(imports.circles(), [""; 0]);
}

#[test]
fn paths_through_self_super_and_braces_reach_their_file() {
    let imports = Imports::of([
        ("src/f/mod.rs", "pub mod g; mod h;"),
        ("src/f/g/mod.rs", "mod i; pub use self::i::{self, I};"),
        ("src/f/g/i.rs", "use super::super::{h::{self, H}, g};"),
        ("src/f/h.rs", "use super::g::{I};"),
    ]);
    assert_eq!(
        imports.circles(),
        ["src/f/g/i.rs -> src/f/h.rs -> src/f/g/i.rs"]
    );
}
