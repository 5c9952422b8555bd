//! States and requests that were recorded of the incumbent: `acceptance-tests/compat/states`.

use std::path::PathBuf;

use schemas::{Answer, Class, Method, Record, Request, Value, json};

/// One recorded configuration.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) instances: Vec<Instance>,
    pub(crate) wire: Wire,
}

/// One object in its state.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) class: Class,
    /// Type without `vault_`.
    pub(crate) name: String,
    /// `kv_secret_v2.each[one]`.
    pub(crate) address: String,
    pub(crate) state: Record,
}

/// The requests of the runs.
#[derive(Clone)]
pub(crate) struct Wire(Vec<Line>);

#[derive(Clone)]
struct Line {
    phase: String,
    namespace: String,
    request: Request,
    answer: Answer,
}

fn read(case: &str, file: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../acceptance-tests/compat/states");
    std::fs::read_to_string(folder.join(case).join(file)).ok()
}

impl Case {
    /// The case `name` with the states of `file`, if it has that file.
    pub(crate) fn load(name: &'static str, file: &str) -> Option<Self> {
        let state = json::parse(&read(name, file)?).expect("a state is JSON");
        let wire = read(name, "wire.jsonl").expect("each case has its requests");
        let instances = state.at("resources").as_list().expect("a list").iter().flat_map(instances).collect();
        let lines = wire.lines().map(|line| Line::new(&json::parse(line).expect("JSON"))).collect();
        Some(Self { name, instances, wire: Wire(lines) })
    }
}

fn instances(resource: &Value) -> Vec<Instance> {
    let class = if resource.at("mode").as_str() == Some("data") { Class::Data } else { Class::Resource };
    let name = resource.at("type").as_str().expect("a type").trim_start_matches("vault_").to_owned();
    let label = resource.at("name").as_str().expect("a name");
    let instances = resource.at("instances").as_list().expect("a list").iter();
    instances
        .map(|instance| {
            let index = instance.at("index_key").as_str().map(|key| format!("[{key}]")).unwrap_or_default();
            let attributes = instance.at("attributes").as_map().expect("attributes").clone();
            let address = format!("{name}.{label}{index}");
            Instance { class, name: name.clone(), address, state: Record::from(attributes) }
        })
        .collect()
}

impl Instance {
    /// Its namespace; empty for the root.
    pub(crate) fn namespace(&self) -> &str {
        self.state.text("namespace")
    }

    /// The paths that it may be written to.
    pub(crate) fn paths(&self) -> Vec<String> {
        let path = self.state.text("id").replace("//", "/");
        let parts = [path.clone(), path.replace("/data/", "/metadata/")];
        let versioned = ["data", "metadata"].map(|part| match path.split_once('/') {
            Some((mount, name)) => format!("{mount}/{part}/{name}"),
            None => path.clone(),
        });
        parts.into_iter().chain(versioned).collect()
    }
}

impl Line {
    fn new(line: &Value) -> Self {
        let text = |name: &str| line.at(name).as_str().unwrap_or_default().to_owned();
        let query = text("query");
        let method = match (text("method").as_str(), query.as_str()) {
            ("GET", "list=true") => Method::List,
            (method, _) => Method::parse(method).expect("a method"),
        };
        let mut request = Request::new(method, text("path").trim_start_matches("/v1/"));
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if name != "list" {
                request = request.with_query(name, value);
            }
        }
        let body = Some(line.at("body").clone()).filter(|body| !body.is_null());
        // The incumbent sends `cas` beside the options too and is warned; ours does not.
        let mut response = line.at("response").clone();
        if json::render(response.at("warnings")).contains("[cas]") {
            response.put("warnings", Value::Null);
        }
        let status =
            line.at("status").as_i64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        Self {
            phase: text("phase"),
            namespace: line.at("headers.X-Vault-Namespace").as_str().unwrap_or_default().to_owned(),
            request: Request { body, ..request },
            answer: Answer { status, body: response },
        }
    }
}

fn is_write(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put)
}

impl Wire {
    /// What was answered to `request`, in the first of `phases` that has it; the last such answer, since
    /// reads follow writes.
    #[track_caller]
    pub(crate) fn answer(&self, phases: &[&str], namespace: &str, request: &Request) -> Answer {
        let asked = |line: &&Line| {
            let method = line.request.method == request.method
                || (is_write(line.request.method) && is_write(request.method));
            method
                && line.namespace == namespace
                && line.request.path == request.path
                && line.request.query == request.query
        };
        let found = phases
            .iter()
            .find_map(|phase| self.0.iter().rev().filter(|line| line.phase == *phase).find(asked));
        let line =
            found.unwrap_or_else(|| panic!("never asked: {} {}", request.method.as_str(), request.path));
        line.answer.clone()
    }

    /// The writes of `phase` to one of `paths`.
    pub(crate) fn writes(&self, phase: &str, namespace: &str, paths: &[String]) -> Vec<Request> {
        let lines = self.0.iter().filter(|line| line.phase == phase && line.namespace == namespace);
        let requests = lines.map(|line| &line.request).filter(|request| is_write(request.method));
        requests.filter(|request| paths.contains(&request.path)).cloned().collect()
    }

    /// The paths out of `paths` that were deleted in `phase`.
    pub(crate) fn deletions(&self, phase: &str, paths: &[String]) -> Vec<String> {
        let lines = self.0.iter().filter(|line| line.phase == phase && line.request.method == Method::Delete);
        lines.map(|line| line.request.path.clone()).filter(|path| paths.contains(path)).collect()
    }
}
