//! Kusto's endpoints, Arrow streams, who may read which table, and the record of each query.

use arrow::ipc::reader::StreamReader;
use arrow::util::display::array_value_to_string;
use bartizan_control::identity::service_principals;
use bartizan_testkit::in_process::{Caller, InProcess, read};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

async fn some_rows(s: &InProcess) -> Caller {
    let caller = owner(s).await;
    let rule = caller.get(s.server.app.home.default_rule.as_str()).await.unwrap().json();
    let id = rule["properties"]["immutableId"].as_str().unwrap().to_owned();
    for (table, row) in [("Syslog", json!({"SyslogMessage": "hello"})), ("Event", json!({"EventID": 7}))] {
        let path = format!("/dataCollectionRules/{id}/streams/Microsoft-{table}?api-version=2023-01-01");
        assert_eq!(caller.post(&path, json!([row])).await.unwrap().status, 204);
    }
    caller
}

#[tokio::test]
async fn queries_are_answered_in_both_versions() {
    let s = server().await;
    let caller = some_rows(&s).await;
    let ask =
        async |path: &str, csl: &str| caller.post(path, json!({"db": "bartizan", "csl": csl})).await.unwrap();
    let v2 = ask("/v2/rest/query", "Syslog | project SyslogMessage, n = 1 | render table").await.json();
    assert_eq!(v2[0], json!({"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"}));
    assert_eq!(v2[1]["Rows"][0][1], "Visualization");
    assert_eq!((&v2[2]["TableKind"], &v2[2]["Rows"]), (&json!("PrimaryResult"), &json!([["hello", 1]])));
    assert_eq!(v2[2]["Columns"][1], json!({"ColumnName": "n", "ColumnType": "long"}));
    assert_eq!(v2[4], json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false}));
    let v1 = ask("/v1/rest/query", "Event | project EventID").await.json();
    assert_eq!(
        v1["Tables"][0]["Columns"][0],
        json!({"ColumnName": "EventID", "DataType": "Int32", "ColumnType": "int"})
    );
    assert_eq!(v1["Tables"][0]["Rows"], json!([[7]]));
    let wrong = ask("/v2/rest/query", "Syslog\n| where nope").await;
    assert_eq!((wrong.status, &wrong.json()["error"]["@permanent"]), (400, &json!(true)));
    assert!(wrong.text.contains("[line:position=2:9]"), "{}", wrong.text);
    let own =
        ask("/v1/rest/query", &format!("workspace('{}').Event | count", s.server.app.home.customer)).await;
    assert_eq!(own.json()["Tables"][0]["Rows"], json!([[1]]), "{}", own.text);
    assert_eq!(ask("/v1/rest/query", "workspace('elsewhere').Event | count").await.status, 400);
    let cut = caller
        .post("/v2/rest/query", json!({"csl": "range n from 1 to 5 step 1", "properties": {"Options": {"truncationmaxrecords": 2}}}))
        .await
        .unwrap()
        .json();
    assert_eq!(cut.as_array().unwrap().last().unwrap()["HasErrors"], true, "{cut}");
    assert_eq!(cut[2]["Rows"][2]["OneApiErrors"][0]["error"]["code"], "LimitsExceeded", "{cut}");
    let cut = caller
        .post("/v1/rest/query", json!({"csl": "range n from 1 to 5 step 1", "properties": {"Options": {"truncationmaxrecords": 2}}}))
        .await
        .unwrap()
        .json();
    assert!(
        cut["Exceptions"][0].is_string() && cut["Tables"][0]["Rows"][2]["Exceptions"][0].is_string(),
        "{cut}"
    );
    let several =
        ask("/v1/rest/query", "print a = 1 | fork (project b = a) (project c = a + 1)").await.json();
    let kinds: Vec<&str> = several["Tables"].as_array().unwrap().last().unwrap()["Rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["QueryResult", "QueryResult", "QueryProperties", "QueryStatus"], "{several}");
    assert_eq!(several["Tables"][1]["Rows"], json!([[2]]));
    let elsewhere = caller.post("/v2/rest/query", json!({"db": "other", "csl": "print 1"})).await.unwrap();
    assert!(elsewhere.status == 400 && elsewhere.text.contains("`other`"), "{}", elsewhere.text);
    let metadata = s.anonymous().unwrap().get("/v1/rest/auth/metadata").await.unwrap();
    assert!(metadata.json()["AzureAD"]["LoginEndpoint"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn parameters_and_options_of_a_request_hold() {
    let s = server().await;
    let caller = some_rows(&s).await;
    let ask = async |csl: &str, properties: Value| {
        caller.post("/v2/rest/query", json!({"csl": csl, "properties": properties})).await.unwrap()
    };
    let csl = "declare query_parameters(text: string, least: long = 1, since: datetime); \
        print text, least, since > datetime(2025-01-01), d = dynamic({'a': [1]})";
    let given = json!({"Parameters": {"text": "a'b", "least": 5, "since": "datetime(2026-01-01)"}});
    let answer = ask(csl, json!(given.to_string())).await.json();
    assert_eq!(answer[2]["Rows"], json!([["a'b", 5, true, {"a": [1]}]]), "{answer}");
    let missing = ask(csl, Value::Null).await;
    assert!(missing.status == 400 && missing.text.contains("`text`"), "{}", missing.text);
    let scope = |from: &str| json!({"Options": {"query_datetimescope_from": from}});
    let count = async |from: &str| ask("Syslog | count", scope(from)).await.json()[2]["Rows"].clone();
    assert_eq!(count("2000-01-01").await, json!([[1]]));
    assert_eq!(count("9999-01-01").await, json!([[0]]));
    let refused = ask("print 1", json!({"Options": {"query_now": "2026-01-01"}})).await;
    assert!(refused.status == 400 && refused.text.contains("query_now"), "{}", refused.text);
}

#[tokio::test]
async fn management_commands_say_what_there_is() {
    let s = server().await;
    let caller = some_rows(&s).await;
    let show =
        async |csl: &str| caller.post("/v1/rest/mgmt", json!({"db": "bartizan", "csl": csl})).await.unwrap();
    let first = async |csl: &str| show(csl).await.json()["Tables"][0]["Rows"].clone();
    assert!(first(".show tables").await.as_array().unwrap().len() > 100);
    assert_eq!(first(".show table Syslog").await[0][0], "Syslog");
    assert_eq!(first(".show databases").await[0][0], "bartizan");
    assert_eq!(first(".show version").await[0][1], "Engine");
    assert!(
        first(".show table ['Syslog'] cslschema").await[0][1]
            .as_str()
            .unwrap()
            .contains("SyslogMessage:string")
    );
    let schema = first(".show database ['bartizan'] schema").await;
    assert!(
        schema
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row[1] == "Syslog" && row[2] == "ProcessID" && row[3] == "System.Int32")
    );
    let json: Value =
        serde_json::from_str(first(".show schema as json").await[0][0].as_str().unwrap()).unwrap();
    assert_eq!(json["Databases"]["bartizan"]["Tables"]["Syslog"]["Name"], "Syslog");
    let details = first(".show tables details").await;
    let usage = details.as_array().unwrap().iter().find(|row| row[0] == "Syslog").unwrap();
    assert_eq!((&usage[4], &usage[6]), (&json!(0), &json!(1)), "one row, in memory");
    assert_eq!(first(".show table Syslog details").await[0][6], 1);
    let unknown = show(".show table Nope").await;
    assert!(unknown.status == 400 && unknown.text.contains("`Nope`"), "{}", unknown.text);
    assert_eq!(show(".show database other schema").await.status, 400);
    let drop = show(".drop table Syslog").await;
    assert!(drop.status == 400 && drop.text.contains(".show tables"), "{}", drop.text);
}

#[tokio::test]
async fn arrow_streams_hold_the_same_rows() {
    let s = server().await;
    let caller = some_rows(&s).await;
    let path = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    let ask = |query: &str| {
        let request =
            caller.request(Method::POST, &path).header("accept", "application/vnd.apache.arrow.stream");
        request.json(&json!({"query": query})).send()
    };
    let answer =
        ask("print n = 7, w = datetime(2026-01-02T03:04:05.1234567), s = 'text', t = 1s, d = dynamic([1])")
            .await
            .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/vnd.apache.arrow.stream");
    let bytes = answer.bytes().await.unwrap();
    let batches: Vec<_> = StreamReader::try_new(&bytes[..], None).unwrap().collect::<Result<_, _>>().unwrap();
    let [batch] = batches.as_slice() else { panic!("{} batches", batches.len()) };
    let cells: Vec<String> =
        batch.columns().iter().map(|column| array_value_to_string(column, 0).unwrap()).collect();
    assert_eq!(cells, ["7", "2026-01-02T03:04:05.123456Z", "text", "PT1S", "[1]"]);
    assert_eq!(batch.schema().field(4).metadata()["kql.type"], "dynamic");
    let empty =
        ask("Syslog | where false | project SyslogMessage, ProcessID").await.unwrap().bytes().await.unwrap();
    assert_eq!(StreamReader::try_new(&empty[..], None).unwrap().schema().fields().len(), 2);
    let several = ask("print a = 1 | fork (project b = a) (project c = a)").await.unwrap();
    assert_eq!(several.status().as_u16(), 400);
    let wrong = ask("print nope").await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), wrong.headers()["content-type"].to_str().unwrap()),
        (400, "application/json")
    );
}

#[tokio::test]
async fn a_role_at_a_table_opens_that_table_only() {
    let s = server().await;
    some_rows(&s).await;
    let (app, home) = (&s.server.app, &s.server.app.home);
    let table = home.workspace.join("tables/Syslog").unwrap();
    let made = service_principals::create(&app.records, home, "one table", "Log Analytics Reader", &table)
        .await
        .unwrap();
    let token = s.token(&made.app_id.to_string(), &made.secret).await.unwrap().json();
    let caller = s.anonymous().unwrap().with_token(token["access_token"].as_str().unwrap());
    let path = format!("/v1/workspaces/{}/query", home.customer);
    let ask = async |query: &str| outcome(caller.post(&path, json!({"query": query})).await.unwrap());
    assert_eq!(ask("Syslog | count").await, "200");
    assert_eq!(ask("print 1").await, "200");
    assert_eq!(ask("Event | count").await, "403 AuthorizationFailed");
    assert_eq!(ask("Syslog | union Event | count").await, "403 AuthorizationFailed");
    assert_eq!(
        ask("Syslog | where SyslogMessage in ((Event | project Computer)) | count").await,
        "403 AuthorizationFailed"
    );
    assert_eq!(ask("let f = () { Event }; f() | count").await, "403 AuthorizationFailed");
    assert_eq!(ask("union * | count").await, "403 AuthorizationFailed");
    // A parameter decides which table is read: it is bound before the decision as it is for the run.
    let declared = "declare query_parameters(name: string); table(name) | count";
    let kusto = async |name: Option<&str>| {
        let properties = name.map(|name| json!({"Parameters": {"name": name}}));
        caller
            .post("/v2/rest/query", json!({"csl": declared, "properties": properties}))
            .await
            .unwrap()
            .status
    };
    assert_eq!((kusto(Some("Syslog")).await, kusto(Some("Event")).await, kusto(None).await), (200, 403, 400));
    let mine = caller.post("/v1/rest/mgmt", json!({"csl": ".show tables"})).await.unwrap().json();
    assert_eq!(mine["Tables"][0]["Rows"].as_array().unwrap().len(), 1);
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    let strange = publisher.post(&path, json!({"query": "print 1"})).await.unwrap();
    assert_eq!(outcome(strange), "403 AuthorizationFailed");
}

#[tokio::test]
async fn each_query_is_recorded_without_its_secrets() {
    let s = server().await;
    let caller = owner(&s).await;
    let path = format!("/v1/workspaces/{}/query", s.server.app.home.customer);
    let query = "Heartbeat | where Computer != h'swordfish' | count";
    let request =
        caller.request(Method::POST, &path).header("x-ms-app", "test").json(&json!({"query": query}));
    assert_eq!(read(request).await.unwrap().status, 200);
    caller.post(&path, json!({"query": "Heartbeat | where nope"})).await.unwrap();
    eventually("both in LAQueryLogs", || async {
        let query = "LAQueryLogs | where QueryText startswith 'Heartbeat' \
            | project QueryText, ResponseCode, RequestClientApp, ok = isnotempty(AADObjectId) and ResponseDurationMs >= 0 \
            | sort by ResponseCode asc";
        rows(&s, &caller, query).await
            == json!([
                ["Heartbeat | where Computer != h'****' | count", 200, "test", true],
                ["Heartbeat | where nope", 400, "", true],
            ])
    })
    .await;
}
