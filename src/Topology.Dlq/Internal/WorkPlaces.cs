namespace Topology.Dlq.Internal;

/// <summary>How many handlers may run at the same time; a suspect takes every place.</summary>
internal sealed class WorkPlaces(int count) : IDisposable
{
    private readonly SemaphoreSlim _places = new(count, count);
    private readonly SemaphoreSlim _alone = new(1, 1);

    public async ValueTask EnterAsync(bool alone, CancellationToken cancellationToken)
    {
        if (!alone)
        {
            await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        await _alone.WaitAsync(cancellationToken).ConfigureAwait(false);
        var taken = 0;
        try
        {
            for (; taken < count; taken++)
                await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            if (taken > 0)
                _places.Release(taken);
            _alone.Release();
            throw;
        }
    }

    public void Leave(bool alone)
    {
        _places.Release(alone ? count : 1);
        if (alone)
            _alone.Release();
    }

    public void Dispose()
    {
        _places.Dispose();
        _alone.Dispose();
    }
}
