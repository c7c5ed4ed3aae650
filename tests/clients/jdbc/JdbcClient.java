import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** One transaction through the PostgreSQL JDBC driver. Reads the variable named by the first argument (default jdbc-uri). */
public class JdbcClient {
    private record Session(int pid, String user, String database, int sum) {}

    public static void main(String[] args) {
        String variable = args.length > 0 ? args[0] : "jdbc-uri";
        try (Connection connection = DriverManager.getConnection(System.getenv(variable))) {
            connection.setAutoCommit(false);
            Session first = ask(connection);
            Session second = ask(connection);
            connection.commit();
            if (first.pid() != second.pid() || first.sum() != 42) {
                fail("the server changed inside the transaction, or 40 + 2 = " + first.sum());
            }
            System.out.printf("{\"client\": \"jdbc\", \"ok\": true, \"user\": %s, \"database\": %s, \"server_pid\": %d}%n",
                    quoted(first.user()), quoted(first.database()), first.pid());
        } catch (SQLException error) {
            fail(error.getMessage());
        }
    }

    private static Session ask(Connection connection) throws SQLException {
        String query = "select pg_backend_pid(), current_user, current_database(), ?::int + 2";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setInt(1, 40);
            ResultSet row = statement.executeQuery();
            row.next();
            return new Session(row.getInt(1), row.getString(2), row.getString(3), row.getInt(4));
        }
    }

    private static void fail(String message) {
        System.out.printf("{\"client\": \"jdbc\", \"ok\": false, \"error\": %s}%n", quoted(message));
        System.exit(1);
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
