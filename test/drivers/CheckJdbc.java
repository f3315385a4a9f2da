// JDBC (pgjdbc).  A string is sent as varchar, a number as its own type.
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.sql.Types;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

public class CheckJdbc {
	static final String ARGS_JSON = "{\"n\": 1, \"s\": \"é\"}";
	static final String EXACT = "123456789.123456789";
	static final long BIG = 9007199254740993L;

	/** A form of an argument: the word for it, its SQL, its value. */
	record Form(String word, String argument, Object value) { }

	record Call(Object id, String args) { }

	/** Each pool of pgbouncer is a name of its own for the database: what one check leaves in it harms no other. */
	static Connection connect(String mode, String pool, String user, String... options) throws SQLException {
		String port = System.getenv(mode.equals("direct") ? "PGPORT" : mode.equals("pooled") ? "POOL_PORT" : "BARE_PORT");
		String database = mode.equals("direct") ? System.getenv("PGDATABASE") : "jdbc" + pool;
		Properties properties = new Properties();
		properties.put("user", user);
		properties.put("password", System.getenv("PGPASSWORD"));
		for (int i = 0; i < options.length; i += 2)
			properties.put(options[i], options[i + 1]);
		return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + port + "/" + database, properties);
	}

	final String mode;
	final Connection connection;

	CheckJdbc(String mode) throws SQLException {
		this.mode = mode;
		connection = open("", "worker");
	}

	/** As the guide says: no prepared statements of the server behind a pooler. */
	Connection open(String pool, String user) throws SQLException {
		return mode.equals("pooled") ? connect(mode, pool, user, "prepareThreshold", "0") : connect(mode, pool, user);
	}

	static ResultSet ask(Connection on, String sql, Object... values) throws SQLException {
		PreparedStatement statement = on.prepareStatement(sql);
		for (int i = 0; i < values.length; i++) {
			if (values[i] == null)
				statement.setNull(i + 1, Types.NULL);
			else
				statement.setObject(i + 1, values[i]);
		}
		ResultSet rows = statement.executeQuery();
		rows.next();
		return rows;
	}

	ResultSet ask(String sql, Object... values) throws SQLException {
		return ask(connection, sql, values);
	}

	static void execute(Connection on, String sql) throws SQLException {
		try (Statement statement = on.createStatement()) {
			statement.execute(sql);
		}
	}

	Call begun(String argument, Object... values) throws SQLException {
		ResultSet row = ask("SELECT verdict, call_id, args::text FROM agentcore.call_begin('a', 't', " + argument + ")", values);
		if (!row.getString(1).equals("run"))
			throw new IllegalStateException(row.getString(1));
		return new Call(row.getObject(2), row.getString(3));
	}

	/** The first form in which the argument arrives as it was meant. */
	String arrives(String what, String expected, Form... forms) throws Exception {
		Exception wrong = null;
		for (Form form : forms) {
			try {
				Call call = begun(form.argument, form.value);
				String came = what.equals("args") ? call.args : ask("SELECT arrived(?, ?)", call.id, what).getString(1);
				if (expected.equals(came))
					return form.word;
				wrong = new IllegalStateException(came);
			} catch (SQLException error) {
				wrong = error;
			}
		}
		throw wrong;
	}

	static PGobject jsonb(String json) throws SQLException {
		PGobject value = new PGobject();
		value.setType("jsonb");
		value.setValue(json);
		return value;
	}

	String cast() throws SQLException {
		return ask("SELECT ?::jsonb::text", "1").getString(1).equals("1") ? "::" : "CAST";
	}

	String usdFloat() throws Exception {
		return arrives("usd", "0.5", new Form("as is", "est_usd => ?", 0.5), new Form("::numeric", "est_usd => ?::numeric", 0.5));
	}

	String usdExact() throws Exception {
		return arrives("usd", EXACT, new Form("as is", "est_usd => ?", new BigDecimal(EXACT)));
	}

	String keyUuid() throws Exception {
		UUID key = UUID.randomUUID();
		return arrives("key", key.toString(), new Form("as is", "key => ?", key), new Form("::text", "key => ?::text", key));
	}

	String argsObject() throws Exception {
		Map<String, Object> map = new LinkedHashMap<>();
		map.put("n", 1);
		map.put("s", "é");
		return arrives("args", ARGS_JSON, new Form("as is", "?", map), new Form("wrapped", "?", jsonb(ARGS_JSON)));
	}

	String argsString() throws Exception {
		return arrives("args", ARGS_JSON, new Form("as is", "?", ARGS_JSON), new Form("::jsonb", "?::jsonb", ARGS_JSON));
	}

	String argsText() throws Exception {
		return arrives("args", ARGS_JSON, new Form("as is", "args_text => ?", ARGS_JSON));
	}

	String resultText() throws SQLException {
		Call call = begun("key => NULL");
		return ask("SELECT agentcore.call_commit(?, result_text => ?)", call.id, "no json").getString(1).equals("committed") ? "as is" : "lost";
	}

	String resultList() throws Exception {
		Object[] values = {List.of(1, "x"), jsonb("[1, \"x\"]")};
		String[] words = {"as is", "wrapped"};
		for (int i = 0; i < values.length; i++) {
			Call call = begun("est_tokens => ?", 1);
			try {
				if (ask("SELECT agentcore.call_commit(?, ?)", call.id, values[i]).getString(1).equals("committed"))
					return words[i];
			} catch (SQLException error) {
				// the next
			}
		}
		return "none";
	}

	String leaseDuration() throws Exception {
		return arrives("lease", "90", new Form("as is", "lease => ?", Duration.ofSeconds(90)),
			new Form("PGInterval", "lease => ?", new PGInterval(0, 0, 0, 0, 0, 90)));
	}

	String leaseSeconds() throws Exception {
		return arrives("lease", "90", new Form("as is", "lease => ?", 90), new Form("make_interval", "lease => make_interval(secs => ?)", 90));
	}

	String nulls() throws Exception {
		begun("args => ?, est_tokens => ?, est_usd => ?, key => ?, task => ?, subject => ?, budget => ?, lease => ?, args_text => ?, "
			+ "holder => ?, tenant => ?", new Object[11]);
		return "as is";
	}

	String readJsonb() throws SQLException {
		Object value = ask("SELECT args FROM agentcore.call_begin('a', 't', ?::jsonb)", ARGS_JSON).getObject(1);
		return value instanceof PGobject && value.toString().equals(ARGS_JSON) ? "text" : value.toString();
	}

	String readInterval() throws SQLException {
		PGInterval value = (PGInterval) ask("SELECT cache_ttl FROM agentcore.tools WHERE name = 'ttl'").getObject(1);
		return value.getDays() == 1 && value.getHours() == 2 && value.getMinutes() == 3 && value.getSeconds() == 4.5 ? "PGInterval" : value.toString();
	}

	String readNumeric() throws SQLException {
		Call call = begun("est_usd => " + EXACT);
		Object value = ask("SELECT held_usd FROM agentcore.permits WHERE permit = ?", call.id).getObject(1);
		return value.equals(new BigDecimal(EXACT)) ? "exact" : value.toString();
	}

	String readBigint() throws SQLException {
		Call call = begun("est_tokens => " + BIG);
		Object value = ask("SELECT held_tokens FROM agentcore.permits WHERE permit = ?", call.id).getObject(1);
		return value.equals(BIG) ? "exact" : value.toString();
	}

	/** retry_after_ms, of a call that is under way. */
	String readWait() throws SQLException {
		String key = UUID.randomUUID().toString();
		begun("key => ?", key);
		Object value = ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => ?)", key).getObject(1);
		return value instanceof Long && (Long) value > 0 ? "int" : String.valueOf(value);
	}

	String readUuid() throws SQLException {
		Call call = begun("key => NULL");
		if (!ask("SELECT agentcore.call_commit(?)", call.id).getString(1).equals("committed"))
			throw new IllegalStateException("not committed");
		return call.id instanceof UUID ? "uuid" : "text";
	}

	String verdictOf(String key) throws SQLException {
		try (Connection other = open("", "worker")) {
			return ask(other, "SELECT verdict FROM agentcore.call_begin('a', 't', key => ?)", key).getString(1);
		}
	}

	String autocommit() throws SQLException {
		try (Connection fresh = connect(mode, "", "worker")) {
			return fresh.getAutoCommit() ? "on" : "off";
		}
	}

	/** A statement that fails takes the run before it along. */
	String batch() throws SQLException {
		String key = UUID.randomUUID().toString();
		try {
			ask("SELECT verdict FROM agentcore.call_begin('a', 't', key => ?); SELECT 1 / 0", key);
		} catch (SQLException expected) {
			// the second
		}
		return verdictOf(key).equals("run") ? "one transaction" : "each its own";
	}

	/** The warnings of the commit. */
	static SQLWarning beginAndCommit(Connection on) throws SQLException {
		Object call = ask(on, "SELECT call_id FROM agentcore.call_begin('a', ?)", "t").getObject(1);
		return ask(on, "SELECT agentcore.call_commit(?)", call).getStatement().getWarnings();
	}

	/** A begin and its commit in one transaction are told by a WARNING. */
	String warning() throws SQLException {
		try (Connection other = open("", "worker")) {
			other.setAutoCommit(false);
			SQLWarning warning = beginAndCommit(other);
			other.commit();
			return warning != null ? "kept" : "lost";
		}
	}

	/** The role's agentcore.budget_guard = error: a begin in a transaction is refused. */
	String guard() {
		return guarded(false, "SELECT call_id FROM agentcore.call_begin('a', 't')");
	}

	/** So is one that is not the first of a batch. */
	String guardBatch() {
		return guarded(true, "SELECT 1; SELECT call_id FROM agentcore.call_begin('a', 't')");
	}

	String guarded(boolean autocommit, String sql) {
		try (Connection other = open("", "guarded")) {
			other.setAutoCommit(autocommit);
			execute(other, sql);
		} catch (SQLException error) {
			return error.getSQLState();
		}
		return "lost";
	}

	/** And nothing else is. */
	String guardPlain() throws SQLException {
		try (Connection other = open("", "guarded")) {
			beginAndCommit(other);
		}
		return "works";
	}

	static List<String> together(int count, Callable<String> work) throws Exception {
		ExecutorService threads = Executors.newFixedThreadPool(count);
		List<String> answers = new ArrayList<>();
		for (Future<String> answer : threads.invokeAll(Collections.nCopies(count, work)))
			answers.add(answer.get());
		threads.shutdown();
		Collections.sort(answers);
		return answers;
	}

	String parallel() throws Exception {
		String key = UUID.randomUUID().toString();
		String verdicts = String.join(" ", together(8, () -> verdictOf(key)));
		return verdicts.equals("run" + " wait".repeat(7)) ? "one run" : verdicts;
	}

	String sharedConnection() throws Exception {
		try {
			together(2, () -> ask("SELECT pg_sleep(0.1)").getString(1));
			return "queued";
		} catch (Exception error) {
			return "error";
		}
	}

	interface Step {
		String on(Connection connection) throws SQLException;
	}

	/** The statement, then `again` when the pooler has another server connection for it, because the first is taken. */
	String elsewhere(Connection on, String pool, Step statement, Step again) throws SQLException {
		for (int i = 0; i < 10; i++)
			statement.on(on);
		try (Connection other = open(pool, "worker")) {
			other.setAutoCommit(false);
			ask(other, "SELECT 1");
			return again.on(on);
		}
	}

	/** Two connections in turn on one server connection, then one on two. */
	String repeated(String... options) throws SQLException {
		try (Connection on = connect(mode, "_prepared", "worker", options); Connection second = connect(mode, "_prepared", "worker", options)) {
			Step begin = repeating(on), same = repeating(second);
			for (int i = 0; i < 10; i++)
				begin.on(on);
			for (int i = 0; i < 10; i++)
				same.on(second);
			return elsewhere(on, "_prepared", begin, begin);
		}
	}

	static Step repeating(Connection on) throws SQLException {
		PreparedStatement begin = on.prepareStatement("SELECT verdict FROM agentcore.call_begin('a', 't')");
		return unused -> {
			begin.executeQuery();
			return "works";
		};
	}

	String prepared() throws SQLException {
		try {
			return repeated();
		} catch (SQLException error) {
			repeated("prepareThreshold", "0");
			return "prepareThreshold";
		}
	}

	String sessionSet() throws SQLException {
		try (Connection on = open("_set", "worker")) {
			Step set = connection -> {
				execute(connection, "SET agentcore.budget_guard = 'error'");
				return "";
			};
			return elsewhere(on, "_set", set, connection -> ask(connection, "SHOW agentcore.budget_guard").getString(1)).equals("error") ? "kept" : "lost";
		}
	}

	String listen() throws SQLException {
		try (Connection on = open("_listen", "worker"); Connection other = connect("direct", "", "worker")) {
			execute(on, "LISTEN agentcore_budget");
			execute(other, "NOTIFY agentcore_budget, 'b'");
			PGNotification[] heard = on.unwrap(PGConnection.class).getNotifications(mode.equals("direct") ? 100000 : 1000);
			return heard != null && heard.length == 1 && heard[0].getParameter().equals("b") ? "heard" : "lost";
		}
	}

	String startup() {
		try (Connection on = connect(mode.equals("direct") ? "direct" : "bare", "", "worker")) {
			return "works";
		} catch (SQLException error) {
			return "refused";
		}
	}

	interface Check {
		String find() throws Exception;
	}

	/** One line for each check: MODE, CHECK, FINDING. */
	void run() {
		Map<String, Check> checks = new LinkedHashMap<>();
		checks.put("cast", this::cast);
		checks.put("usd_float", this::usdFloat);
		checks.put("usd_exact", this::usdExact);
		checks.put("key_uuid", this::keyUuid);
		checks.put("args_object", this::argsObject);
		checks.put("args_string", this::argsString);
		checks.put("args_text", this::argsText);
		checks.put("result_text", this::resultText);
		checks.put("result_list", this::resultList);
		checks.put("lease_duration", this::leaseDuration);
		checks.put("lease_seconds", this::leaseSeconds);
		checks.put("nulls", this::nulls);
		checks.put("read_jsonb", this::readJsonb);
		checks.put("read_interval", this::readInterval);
		checks.put("read_numeric", this::readNumeric);
		checks.put("read_bigint", this::readBigint);
		checks.put("read_wait", this::readWait);
		checks.put("read_uuid", this::readUuid);
		checks.put("autocommit", this::autocommit);
		checks.put("batch", this::batch);
		checks.put("warning", this::warning);
		checks.put("guard", this::guard);
		checks.put("guard_batch", this::guardBatch);
		checks.put("guard_plain", this::guardPlain);
		checks.put("parallel", this::parallel);
		checks.put("shared_connection", this::sharedConnection);
		checks.put("prepared", this::prepared);
		checks.put("session_set", this::sessionSet);
		checks.put("listen", this::listen);
		checks.put("startup", this::startup);
		checks.forEach((name, check) -> {
			String finding;
			try {
				finding = check.find();
			} catch (Exception error) {
				finding = error.toString().split("\n")[0];
			}
			System.out.println(mode + "\t" + name + "\t" + finding);
		});
	}

	public static void main(String[] arguments) throws Exception {
		new CheckJdbc("direct").run();
		new CheckJdbc("pooled").run();
	}
}
