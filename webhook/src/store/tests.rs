use std::fs;

use super::*;

const GOOD: &str = include_str!("../../tests/declarations/mdemo.yaml");

struct Place {
    directory: tempfile::TempDir,
    metrics: Arc<Metrics>,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap(), metrics: Arc::default() };
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn store(&self, names: &[&str]) -> Arc<Store> {
        Store::open(names.iter().map(|name| self.path(name)).collect(), Arc::clone(&self.metrics))
    }

    fn reloads(&self, result: &'static str) -> u64 {
        self.metrics.declaration_reloads.get_or_create(&ResultLabels { result }).get()
    }
}

/// Names of the meshes, with their networks.
fn state(store: &Store) -> Vec<String> {
    let snapshot = store.snapshot();
    let declared = snapshot.declared.iter().map(|declared| &declared.declaration);
    declared.map(|d| format!("{} {}", d.metadata.name, d.spec.network)).collect()
}

fn named(mesh: &str) -> String {
    GOOD.replace("name: mdemo\n", &format!("name: {mesh}\n"))
}

#[test]
fn a_changed_file_is_in_force_and_a_malformed_one_is_not() {
    let place = Place::new(&[("d.yaml", GOOD)]);
    let store = place.store(&["d.yaml"]);
    assert_eq!(state(&store), ["mdemo network-c2"]);
    place.write("d.yaml", &GOOD.replace("network: network-c2", "network: network-c3"));
    store.reload();
    assert_eq!(state(&store), ["mdemo network-c3"]);
    for (text, why) in [
        ("", "no longer holds a MeshDeclaration; it stays in force until the file is deleted"),
        ("a: [", "is not YAML"),
        (
            "kind: MeshDeclaration\napiVersion: meshwright.dev/v9",
            "holds a MeshDeclaration of `meshwright.dev/v9`",
        ),
        (&GOOD.replace("network: network-c2", "network: Network_C2!"), "`Network_C2!` is not a network ID"),
        (&GOOD.replace("network: network-c2", ""), "missing field `network`"),
    ] {
        let before = place.reloads("refused");
        place.write("d.yaml", text);
        store.reload();
        store.reload();
        assert_eq!(state(&store), ["mdemo network-c3"]);
        let refused = store.snapshot().refused.join("");
        assert!(refused.contains(why), "{refused}");
        assert_eq!(place.reloads("refused"), before + 1, "counted once");
        assert_eq!(place.metrics.refused_files.get(), 1);
        assert!(store.snapshot().synced);
    }
    fs::remove_file(place.path("d.yaml")).unwrap();
    store.reload();
    assert_eq!(state(&store), ["mdemo network-c3"], "a file that was named stays in force");
    place.write("d.yaml", GOOD);
    store.reload();
    assert_eq!((state(&store), place.metrics.refused_files.get()), (vec!["mdemo network-c2".to_owned()], 0));
    assert_eq!(place.reloads("loaded"), 3);
}

#[test]
fn a_store_is_in_sync_once_everything_was_read() {
    let place = Place::new(&[("d.yaml", "a: [")]);
    let store = place.store(&["d.yaml"]);
    assert!(!store.snapshot().synced);
    place.write("d.yaml", GOOD);
    store.reload();
    assert!(store.snapshot().synced);
    let empty = Place::new(&[]);
    assert!(empty.store(&["."]).snapshot().synced, "there is nothing to declare");
    assert!(!empty.store(&["absent.yaml"]).snapshot().synced);
}

#[test]
fn a_directory_holds_one_declaration_per_mesh() {
    let json = serde_yaml::from_str::<serde_json::Value>(&named("b")).unwrap().to_string();
    let place = Place::new(&[
        ("a.yaml", GOOD),
        ("b.json", &json),
        ("c.yml", "kind: ConfigMap\n---\nkind: List\nitems: []\n"),
        ("notes.txt", "a: ["),
    ]);
    let store = place.store(&["."]);
    assert_eq!(state(&store), ["b network-c2", "mdemo network-c2"]);
    place.write("z.yaml", &GOOD.replace("network: network-c2", "network: network-c3"));
    store.reload();
    let refused = store.snapshot().refused.join("");
    assert!(refused.contains("z.yaml` declares mesh `mdemo`, and so does `"), "{refused}");
    assert_eq!(state(&store), ["b network-c2", "mdemo network-c2"]);
    fs::remove_file(place.path("a.yaml")).unwrap();
    fs::remove_file(place.path("b.json")).unwrap();
    store.reload();
    assert_eq!(state(&store), ["mdemo network-c3"]);
}

#[test]
fn a_list_as_kubectl_prints_it_is_read() {
    let indented: String = GOOD.lines().map(|line| format!("  {line}\n")).collect();
    let place = Place::new(&[("d.yaml", &format!("kind: List\nitems:\n-\n{indented}"))]);
    assert_eq!(state(&place.store(&["d.yaml"])), ["mdemo network-c2"]);
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let place = Place::new(&[]);
    let swap = |version: &str, text: &str| {
        fs::create_dir(place.path(version)).unwrap();
        fs::write(place.path(version).join("d.yaml"), text).unwrap();
        std::os::unix::fs::symlink(version, place.path("..tmp")).unwrap();
        fs::rename(place.path("..tmp"), place.path("..data")).unwrap();
    };
    swap("..v1", GOOD);
    std::os::unix::fs::symlink("..data/d.yaml", place.path("d.yaml")).unwrap();
    let store = place.store(&["."]);
    let _watch = store.watch(Duration::from_secs(3600));
    assert_eq!(state(&store), ["mdemo network-c2"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    swap("..v2", &GOOD.replace("network: network-c2", "network: network-c3"));
    for _ in 0..200 {
        if state(&store) == ["mdemo network-c3"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", state(&store));
}
