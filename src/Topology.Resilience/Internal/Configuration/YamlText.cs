using System.Globalization;
using System.Text;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Turns the bytes of a file into text that is safe to hand to a YAML scanner.</summary>
internal static class YamlText
{
    /// <summary>A topology of a thousand sagas is about a tenth of this.</summary>
    public const int MaxBytes = 1 << 20;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            throw new YamlFault(DiagnosticCodes.TooLarge, 1, 1, "the file is larger than 1 MiB");
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            bytes = bytes[3..];
        }
        else if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new YamlFault(DiagnosticCodes.NotText, 1, 1, "the file is UTF-16; save it as UTF-8");
        }

        string text;
        try
        {
            text = s_strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            string before = Encoding.UTF8.GetString(bytes[..Math.Clamp(e.Index, 0, bytes.Length)]);
            (int line, int column) = Position(before, before.Length);
            throw new YamlFault(DiagnosticCodes.NotText, line, column, "the file is not UTF-8");
        }

        for (int i = 0; i < text.Length; i++)
        {
            // The scanner takes NUL for the end of the file and would drop the rest without a word.
            if (char.IsControl(text[i]) && text[i] is not ('\t' or '\r' or '\n' or '\u0085'))
            {
                (int line, int column) = Position(text, i);
                throw new YamlFault(
                    DiagnosticCodes.NotText, line, column, string.Create(CultureInfo.InvariantCulture, $"control character U+{(int)text[i]:X4}"));
            }
        }

        return text;
    }

    /// <summary>Blanks out everything but the fenced <c>yaml</c> blocks, each a document, so that lines and columns stay as they are.</summary>
    /// <exception cref="YamlFault">There is no such block.</exception>
    public static string FromMarkdown(string markdown)
    {
        var yaml = new StringBuilder(markdown.Length);
        string? fence = null;
        bool isYaml = false;
        bool hasYaml = false;
        foreach (string line in markdown.Split('\n'))
        {
            string trimmed = line.TrimStart(' ').TrimEnd();
            if (fence is null)
            {
                string opening = FenceOf(trimmed);
                if (opening.Length > 0)
                {
                    fence = opening;
                    isYaml = IsYaml(trimmed[opening.Length..]);
                    if (isYaml)
                    {
                        hasYaml = true;
                        yaml.Append("---");
                    }
                }
            }
            else if (trimmed.StartsWith(fence, StringComparison.Ordinal) && trimmed.Trim(fence[0]).Length == 0)
            {
                fence = null;
            }
            else if (isYaml)
            {
                yaml.Append(line.TrimEnd('\r'));
            }

            yaml.Append('\n');
        }

        return hasYaml ? yaml.ToString() : throw new YamlFault(DiagnosticCodes.NoYamlBlock, 1, 1, "the Markdown file has no fenced block that begins with ```yaml");
    }

    private static string FenceOf(string line)
    {
        int length = line.StartsWith('`') || line.StartsWith('~') ? line.Length - line.TrimStart(line[0]).Length : 0;

        // Three backticks and more of them in the same line are code inside a sentence.
        return length >= 3 && !(line[0] == '`' && line.AsSpan(length).Contains('`')) ? line[..length] : "";
    }

    /// <summary>Whether what follows an opening fence names YAML; renderers' own additions, such as <c>{1-3}</c>, follow the name.</summary>
    private static bool IsYaml(string info)
    {
        string language = new([.. info.TrimStart(' ', '{', '.').TakeWhile(char.IsAsciiLetter)]);
        return language.Equals("yaml", StringComparison.OrdinalIgnoreCase) || language.Equals("yml", StringComparison.OrdinalIgnoreCase);
    }

    private static (int Line, int Column) Position(string text, int index)
    {
        int line = 1;
        int start = 0;
        for (int i = 0; i < index; i++)
        {
            if (text[i] == '\n')
            {
                line++;
                start = i + 1;
            }
        }

        return (line, index - start + 1);
    }
}
