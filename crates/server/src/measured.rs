//! What is measured, as data: the help texts of `/metrics` are made of it, and the dashboard and the alarms in `deploy/` are held against it.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Has buckets, a sum and a count.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// As it stands in `/metrics`.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// What its series are told apart by. There are as many of each as there are routes, gateways, workflows, steps or rules, or words of ours.
    pub labels: &'static [&'static str],
    /// What it measures.
    pub says: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], says: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, labels, says }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], says: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, labels, says }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], says: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Histogram, labels, says }
}

/// Every metric.
pub const METRICS: &[Metric] = &[
    counter("countersign_requests_total", &["route", "status"], "Requests, by class of status."),
    histogram("countersign_request_seconds", &["route"], "How long requests took."),
    gauge("countersign_vault_up", &[], "Whether the vault is connected."),
    gauge("countersign_events", &[], "The position of the newest event."),
    counter("countersign_events_total", &["kind"], "Events that this server told, without those that the store adds."),
    counter("countersign_decisions_total", &["outcome"], "Decisions: allow, step_up, enroll, deny."),
    gauge("countersign_gateway_up", &["gateway"], "Whether a gateway is used."),
    histogram("countersign_gateway_seconds", &["gateway"], "How long gateways took to take messages."),
    counter("countersign_messages_total", &["kind", "gateway", "outcome"], "Messages, by what became of them."),
    counter("countersign_messages_withheld_total", &["kind", "budget"], "Messages that a budget stood against."),
    counter("countersign_receipts_total", &["gateway", "event"], "Receipts of gateways."),
    counter("countersign_errands_lost_total", &["errand"], "Errands that were not run, because too many waited."),
    counter("countersign_runs_started_total", &["workflow"], "Runs that began."),
    counter("countersign_runs_ended_total", &["workflow", "outcome"], "Runs that ended."),
    histogram("countersign_run_seconds", &["workflow"], "From the start of a run to its end."),
    counter("countersign_steps_total", &["workflow", "outcome"], "Steps: completed, failed, held."),
    histogram("countersign_step_seconds", &["workflow", "step"], "How long steps took that began and ended at a go."),
    gauge("countersign_runs", &["state"], "Runs that are not over."),
    gauge("countersign_live_runs", &["workflow", "state"], "Runs of each workflow that are not over; 10,000 at most."),
    counter("countersign_webhooks_refused_total", &["reason"], "Signed calls from outside that started nothing."),
    gauge("countersign_workflows_unread", &[], "Workflows in force that this server cannot carry."),
    counter("countersign_alerts_raised_total", &["rule", "severity"], "Alerts that were raised."),
    gauge("countersign_alerts", &["state"], "Alerts that are not resolved; 500 at most."),
];

/// Says what each is, to whoever reads `/metrics`.
pub(crate) fn describe() {
    for Metric { name, kind, says, .. } in METRICS {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *says),
            MetricKind::Gauge => metrics::describe_gauge!(*name, *says),
            MetricKind::Histogram => metrics::describe_histogram!(*name, *says),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("measured.rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// The words in a text that begin as ours do, each with what stands behind it.
    fn named(text: &str) -> Vec<(String, &str)> {
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        let places = text.match_indices("countersign_").filter(|(at, _)| !text[..*at].ends_with(is_word));
        places
            .map(|(at, _)| {
                let rest = &text[at..];
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            })
            .collect()
    }

    #[test]
    fn w11_what_is_measured_is_told_of_and_what_is_told_of_is_measured() {
        let mut texts = Vec::new();
        sources(&root().join("crates/server/src"), &mut texts);
        let made = |text: &str, kind: &str| -> BTreeSet<String> {
            let places = text.match_indices(kind).map(|(at, _)| &text[at + kind.len()..]);
            places
                .filter_map(|rest| named(rest.get(..120).unwrap_or(rest)).first().map(|(name, _)| name.clone()))
                .collect()
        };
        for (kind, macro_name) in [
            (MetricKind::Counter, "metrics::counter!("),
            (MetricKind::Gauge, "metrics::gauge!("),
            (MetricKind::Histogram, "metrics::histogram!("),
        ] {
            let found: BTreeSet<String> = texts.iter().flat_map(|text| made(text, macro_name)).collect();
            let listed: BTreeSet<String> =
                METRICS.iter().filter(|one| one.kind == kind).map(|one| one.name.to_owned()).collect();
            assert_eq!(found, listed, "{kind:?}");
        }
    }

    /// The series of each metric, as Prometheus knows them, with their labels.
    fn series() -> BTreeMap<String, BTreeSet<&'static str>> {
        let mut series = BTreeMap::new();
        for metric in METRICS {
            let labels = || metric.labels.iter().copied().chain(["instance", "job"]);
            match metric.kind {
                MetricKind::Histogram => {
                    series.insert(format!("{}_bucket", metric.name), labels().chain(["le"]).collect());
                    series.insert(format!("{}_sum", metric.name), labels().collect());
                    series.insert(format!("{}_count", metric.name), labels().collect());
                }
                _ => drop(series.insert(metric.name.to_owned(), labels().collect())),
            }
        }
        series
    }

    /// Brackets that close what they open, outside of texts.
    fn is_balanced(expression: &str) -> bool {
        let mut open = Vec::new();
        let mut quoted = false;
        for c in expression.chars() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' | '{' => open.push(c),
                ')' if open.pop() != Some('(') => return false,
                ']' if open.pop() != Some('[') => return false,
                '}' if open.pop() != Some('{') => return false,
                _ => {}
            }
        }
        open.is_empty() && !quoted
    }

    fn holds(expression: &str, series: &BTreeMap<String, BTreeSet<&'static str>>) {
        assert!(is_balanced(expression), "{expression}");
        let all = named(expression);
        let mut labels = BTreeSet::new();
        for (name, rest) in &all {
            let known = series.get(name).unwrap_or_else(|| panic!("there is no `{name}`: {expression}"));
            labels.extend(known.iter().copied());
            let Some(inside) = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()) else { continue };
            for one in inside.split(',') {
                let label = one.split(['=', '!']).next().unwrap().trim();
                assert!(known.contains(label), "`{name}` is not told apart by `{label}`: {expression}");
            }
        }
        for by in expression.split("by (").skip(1) {
            for label in by.split(')').next().unwrap().split(',') {
                assert!(labels.contains(label.trim()), "`{label}`: {expression}");
            }
        }
    }

    fn expressions<'v>(value: &'v serde_json::Value, key: &str, found: &mut Vec<&'v str>) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| expressions(item, key, found)),
            serde_json::Value::Object(map) => {
                found.extend(map.get(key).and_then(serde_json::Value::as_str));
                map.values().for_each(|item| expressions(item, key, found));
            }
            _ => {}
        }
    }

    #[test]
    fn w11_the_dashboard_asks_for_what_there_is() {
        let text = std::fs::read_to_string(root().join("deploy/grafana/countersign.json")).unwrap();
        let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut found = Vec::new();
        expressions(&dashboard, "expr", &mut found);
        assert!(found.len() > 20, "{}", found.len());
        for expression in &found {
            holds(expression, &series());
        }
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
        let shown: BTreeSet<String> =
            found.iter().flat_map(|expression| named(expression)).map(|(name, _)| name).collect();
        for metric in METRICS {
            assert!(shown.iter().any(|name| name.starts_with(metric.name)), "{} is on no panel", metric.name);
        }
    }

    #[test]
    fn w11_the_alarms_ask_for_what_there_is() {
        let text = std::fs::read_to_string(root().join("deploy/prometheus/alerts.yaml")).unwrap();
        let mut mistakes = document::Mistakes::default();
        let documents = document::parse(&"alerts.yaml".into(), &text, &mut mistakes);
        assert!(!mistakes.has_errors() && documents.len() == 1);
        let rules = documents[0].json();
        let mut found = Vec::new();
        expressions(&rules, "expr", &mut found);
        for expression in &found {
            holds(expression, &series());
        }
        let mut names = BTreeSet::new();
        for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
            let keys: Vec<&str> = rule.as_object().unwrap().keys().map(String::as_str).collect();
            let known = ["alert", "annotations", "expr", "for", "labels"];
            assert!(keys.iter().all(|key| known.contains(key)), "{rule}");
            assert!(names.insert(rule["alert"].as_str().unwrap()), "{rule}");
            assert!(document::parse_duration(rule["for"].as_str().unwrap_or("0s")).is_some(), "{rule}");
            assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
            for text in ["summary", "description"] {
                assert!(!rule["annotations"][text].as_str().unwrap().is_empty(), "{rule}");
            }
        }
        assert!(names.len() >= 10, "{names:?}");
    }
}
