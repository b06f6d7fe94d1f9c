use super::*;

fn at(file: FileId, start: u32, end: u32) -> Place {
    Place { span: Span { file, start, end }, path: FieldPath::root() }
}

fn one(text: &[u8], start: u32, end: u32) -> (Sources, Findings) {
    let (sources, file) = Sources::from_text("a.yaml", text);
    let mut findings = Findings::new();
    findings.push(NETWORK.at(at(file, start, end), "wrong"));
    (sources, findings)
}

#[test]
fn no_span_of_no_text_fails() {
    let texts: [&[u8]; 9] = [
        b"",
        b"\n",
        b"\r\n",
        b"a",
        b"\xef\xbb\xbf",
        b"\xff\xfe\x80\n\x80",
        b"\t\ta\r\nb\rc\r\n",
        "漢字: 🦀\n".as_bytes(),
        b"\0\x1b[0m",
    ];
    for text in texts {
        for start in [0, 1, 2, 3, 5, 8, 4_000_000_000, u32::MAX] {
            for end in [0, 1, 3, 7, u32::MAX] {
                let (sources, mut findings) = one(text, start, end);
                let file = FileId(0);
                findings.push(OVERLAP.at(at(FileId(7), start, end), "").related(at(file, end, start), "x"));
                findings.push(OVERLAP.at(at(file, 0, 1), "").related(at(file, end, start), "x"));
                for format in ALL {
                    let _ = print(format, &findings, &sources);
                }
            }
        }
    }
}

#[test]
fn an_empty_file_is_named() {
    let (sources, findings) = one(b"", 0, 0);
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: wrong
    --> a.yaml:1:1

    1 error
    "#);
}

#[test]
fn tabs_and_wide_characters_stay_aligned() {
    let text = "\tnétwork: 漢字 # x\n";
    let (sources, file) = Sources::from_text("a.yaml", text.as_bytes());
    let mut findings = Findings::new();
    findings.push(NETWORK.at(place(&sources, file, "漢字", "network"), "wrong"));
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: wrong
     --> a.yaml:1:11
      |
    1 |     nétwork: 漢字 # x
      |              ^^^^

    1 error
    "#);
    assert_eq!(parse(&print(Format::Json, &findings, &sources))["findings"][0]["column"], 11);
}

#[test]
fn a_value_of_many_lines_is_shown_by_its_first() {
    let (sources, findings) = one(b"spec:\n  a: 1\n  b: 2\n", 0, 20);
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: wrong
     --> a.yaml:1:1
      |
    1 | spec:
      | ^^^^^

    1 error
    "#);
}

#[test]
fn minified_files_are_cut() {
    let long = format!("{{a: {}, b: bad, c: {}}}", "x".repeat(500), "y".repeat(100_000));
    let start = u32::try_from(long.find("bad").unwrap()).unwrap();
    let (sources, findings) = one(long.as_bytes(), start, start + 3);
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: wrong
     --> a.yaml:1:510
      |
    1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, b: bad, c: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
      |                                                                   ^^^

    1 error
    "#);
    let (sources, findings) = one(long.as_bytes(), 90_000, 90_001);
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: wrong
    --> a.yaml:1:90001

    1 error
    "#);
    let (sources, findings) = one(long.as_bytes(), 0, 100_000);
    assert!(print(Format::Human, &findings, &sources).lines().all(|line| line.chars().count() < 140));
}

#[test]
fn nothing_drives_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let (mut sources, _) = Sources::from_text("unused", *b"");
    let text = format!("a: {evil}\r\n");
    let file = sources.add(format!("d{evil}\n/a.yaml"), text.as_bytes().into());
    let mut findings = Findings::new();
    findings.push(
        NETWORK
            .at(place(&sources, file, "a", evil), format!("bad `{evil}`\n::error::x"))
            .related(place(&sources, file, "a:", evil), evil)
            .declared(evil, Place::unknown(), evil)
            .found(evil)
            .help(evil)
            .cluster(evil)
            .object(evil),
    );
    for format in [Format::Human, Format::Github, Format::Markdown] {
        let text = print(format, &findings, &sources);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{format:?}: {text:?}");
        assert!(!text.contains('\u{202e}'), "{format:?}");
    }
    let github = print(Format::Github, &findings, &sources);
    assert_eq!(github.lines().count(), 1, "{github}");
}

#[test]
fn workflow_commands_are_escaped() {
    let (mut sources, _) = Sources::from_text("unused", *b"");
    let file = sources.add("a,b:c%.yaml".to_owned(), b"x"[..].into());
    let mut findings = Findings::new();
    findings.push(NETWORK.at(at(file, 0, 1), "100% a,b::c").help("one\r\ntwo"));
    assert_snapshot!(print(Format::Github, &findings, &sources), @"::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=2,title=MW2001 unknown-network::a,b:c%25.yaml:1:1: MW2001 100%25 a,b::c%0Ahelp: one%0Atwo");
}

#[test]
fn comments_are_escaped() {
    let mut findings = Findings::new();
    let message = "`a|b` <img src=x> **x** [l](u) @team #1 `open";
    findings.push(NETWORK.at(Place::unknown(), message).object("Gateway/`|<b>").cluster("c\n1"));
    assert_snapshot!(print(Format::Markdown, &findings, &Sources::new()), @r#"
    **1 error**

    ### MW2001 unknown-network

    a cluster names a network that nobody declared

    | | Where | What | Clusters |
    | --- | --- | --- | --- |
    | error | <code>Gateway/&#96;&#124;&#60;b&#62;</code> | <code>a&#124;b</code> &#60;img src=x&#62; &#42;&#42;x&#42;&#42; &#91;l&#93;(u) @&#8203;team &#35;1 &#96;open | <code>c 1</code> |
    "#);
}

#[test]
fn one_fault_of_many_clusters_is_one_row() {
    let mut sources = Sources::new();
    let mut findings = Findings::new();
    for i in 0..412 {
        let file = sources.add(format!("clusters/c{i:03}.yaml"), b"a: 1"[..].into());
        let cluster = format!("c{i:03}");
        let message = format!("cluster `{cluster}` has no network");
        findings.push(NETWORK.at(place(&sources, file, "1", "a"), message).cluster(cluster));
    }
    assert_snapshot!(print(Format::Markdown, &findings, &sources), @r#"
    **412 errors**

    ### MW2001 unknown-network

    a cluster names a network that nobody declared

    | | Where | What | Clusters |
    | --- | --- | --- | --- |
    | error | <code>clusters/c000.yaml:1</code>, <code>clusters/c001.yaml:1</code>, <code>clusters/c002.yaml:1</code>, <code>clusters/c003.yaml:1</code>, <code>clusters/c004.yaml:1</code> and 407 more | cluster <code>&#60;cluster&#62;</code> has no network | same finding in 412 clusters: <code>c000</code>, <code>c001</code>, <code>c002</code>, <code>c003</code>, <code>c004</code> and 407 more |
    "#);
}

#[test]
fn comments_stay_below_the_limit_with_whole_rows_and_errors_first() {
    let (sources, file) = Sources::from_text("a.yaml", *b"a: 1");
    let mut findings = Findings::new();
    for i in 0..5_000 {
        findings.push(NETWORK.at(at(file, 0, 1), format!("n{i} `{}`", "|".repeat(i % 900))));
        findings.push(VERSION.at(at(file, 0, 1), format!("v{i} {}", "🦀".repeat(i % 50))));
    }
    let mut late = OVERLAP.at(at(file, 0, 1), "small");
    late.severity = Severity::Error;
    findings.push(late);
    let text = print(Format::Markdown, &findings, &sources);
    assert!(text.len() < 60_000 && text.len() > 40_000, "{}", text.len());
    assert!(text.starts_with("**5001 errors, 5000 warnings**\n"));
    for row in text.lines().filter(|line| line.starts_with('|')) {
        assert_eq!((row.matches('|').count(), row.ends_with('|')), (5, true), "{row}");
    }
    let rows = text.lines().filter(|l| l.starts_with("| error") || l.starts_with("| warning")).count();
    assert!(text.contains(&format!("\n{} more findings are left out here", 10_001 - rows)), "{text}");
}

#[test]
fn sarif_holds_no_more_than_a_run_may_and_keeps_the_errors() {
    let (sources, file) = Sources::from_text("a.yaml", *b"a: 1");
    let mut findings = Findings::new();
    findings.extend((0..25_000).map(|i| VERSION.at(at(file, 0, 1), format!("v{i}"))));
    findings.extend((0..10).map(|i| NETWORK.at(at(file, 2, 3), format!("n{i}"))));
    let sarif = parse(&print(Format::Sarif, &findings, &sources));
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    assert_eq!(results.iter().filter(|r| r["level"] == "error").count(), 10);
    let notification =
        &sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(notification, "10 of 25010 findings are left out: a run may hold 25000");
}
