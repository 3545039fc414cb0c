using System.Collections.Concurrent;

namespace Platform.Realtime;

/// <summary>Which connections follow which topics. Publishing takes no lock of its own: the lists are replaced, never changed.</summary>
internal sealed class TopicHub
{
    private readonly ConcurrentDictionary<string, Follower[]> _topics = new(StringComparer.Ordinal);

    public void Follow(ConflatingOutbox outbox, OutboxTopic topic) => _topics.AddOrUpdate(
        topic.Name,
        static (_, follower) => [follower],
        static (_, followers, follower) => [.. followers, follower],
        new Follower(outbox, topic));

    public void Leave(ConflatingOutbox outbox, OutboxTopic topic)
    {
        // A compare-and-set by the list itself: a follower that came meanwhile is not lost.
        while (_topics.TryGetValue(topic.Name, out var followers))
        {
            var rest = Array.FindAll(followers, follower => follower.Outbox != outbox);
            var entry = KeyValuePair.Create(topic.Name, followers);
            if (rest.Length == 0 ? _topics.TryRemove(entry) : _topics.TryUpdate(topic.Name, rest, followers))
            {
                return;
            }
        }
    }

    public void Publish(string topic, StateFrame frame)
    {
        foreach (var follower in _topics.GetValueOrDefault(topic, []))
        {
            follower.Outbox.Offer(follower.Topic, frame);
        }
    }

    public void PublishText(string topic, ReadOnlySpan<byte> text)
    {
        foreach (var follower in _topics.GetValueOrDefault(topic, []))
        {
            follower.Outbox.OfferText(follower.Topic, text);
        }
    }

    private readonly record struct Follower(ConflatingOutbox Outbox, OutboxTopic Topic);
}
