using Microsoft.Data.Sqlite;
using Topology.Retry;

namespace Platform.Ingestion;

/// <summary>Keeps chunks in a database in a file. What it does may be done again: a document has the same chunks each time.</summary>
/// <remarks>A file belongs to one pod. Put the database that all pods share here; the retry and the transaction stay.</remarks>
internal sealed class ChunkStore(IConfiguration configuration, IRetryPolicies policies)
{
    private readonly string _connection = configuration.GetConnectionString("documents") ?? $"Data Source={Path.Combine(Path.GetTempPath(), "documents.db")}";
    private readonly RetryPolicy _retry = policies.Get(RetryProfileNames.DatabaseOperations);
    private bool _ready;

    /// <summary>Stores all chunks of a document or none. Tried again by the profile <c>database_operations</c> while the database is busy.</summary>
    public async Task SaveAsync(string documentId, string tenant, IReadOnlyList<string> chunks, CancellationToken cancellationToken) =>
        await _retry.ExecuteAsync(
            async token =>
            {
                await using var connection = await OpenAsync(token);
                await using var transaction = (SqliteTransaction)await connection.BeginTransactionAsync(token);
                await using var insert = connection.CreateCommand();
                insert.Transaction = transaction;
                insert.CommandText = """
                    INSERT INTO chunks (document, ordinal, tenant, text) VALUES ($document, $ordinal, $tenant, $text)
                    ON CONFLICT (document, ordinal) DO UPDATE SET text = excluded.text
                    """;
                var ordinal = insert.Parameters.Add("$ordinal", SqliteType.Integer);
                var text = insert.Parameters.Add("$text", SqliteType.Text);
                insert.Parameters.AddWithValue("$document", documentId);
                insert.Parameters.AddWithValue("$tenant", tenant);
                for (var i = 0; i < chunks.Count; i++)
                {
                    (ordinal.Value, text.Value) = (i, chunks[i]);
                    await insert.ExecuteNonQueryAsync(token);
                }

                await using var count = connection.CreateCommand();
                count.Transaction = transaction;
                count.CommandText = "INSERT INTO saves (document) VALUES ($document)";
                count.Parameters.AddWithValue("$document", documentId);
                await count.ExecuteNonQueryAsync(token);
                await transaction.CommitAsync(token);
                return chunks.Count;
            },
            cancellationToken);

    /// <summary>Returns a document's chunks, and how often it was stored.</summary>
    public async Task<StoredDocument> ReadAsync(string documentId, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var select = connection.CreateCommand();
        select.CommandText = "SELECT text FROM chunks WHERE document = $document ORDER BY ordinal";
        select.Parameters.AddWithValue("$document", documentId);
        var chunks = new List<string>();
        await using (var reader = await select.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                chunks.Add(reader.GetString(0));
            }
        }

        select.CommandText = "SELECT count(*) FROM saves WHERE document = $document";
        return new StoredDocument(chunks, (long)(await select.ExecuteScalarAsync(cancellationToken))!);
    }

    private async Task<SqliteConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(_connection);
        await connection.OpenAsync(cancellationToken);
        if (!_ready)
        {
            await using var create = connection.CreateCommand();
            create.CommandText = """
                PRAGMA journal_mode = WAL;
                CREATE TABLE IF NOT EXISTS chunks (document TEXT, ordinal INTEGER, tenant TEXT, text TEXT, PRIMARY KEY (document, ordinal));
                CREATE TABLE IF NOT EXISTS saves (document TEXT);
                """;
            await create.ExecuteNonQueryAsync(cancellationToken);
            _ready = true;
        }

        return connection;
    }
}
