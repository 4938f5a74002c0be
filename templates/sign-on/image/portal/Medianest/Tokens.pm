package Medianest::Tokens;

# Judges API tokens: the edge sends the SHA-256 of one and the name of a rule. What is looked up is a hash of 256 random bits, so how long
# that takes tells of no token.
use strict;
use warnings;
use JSON;
use MIME::Base64 qw(encode_base64);
use Medianest::Database;

my $SQL = <<'SQL';
SELECT t.name, t.login, array_to_string(t.paths, ' ') AS paths, t.expires <= now() AS ended, extract(epoch FROM t.expires)::bigint AS until,
  coalesce(u.groups, t.groups) AS groups, coalesce(u.name, t.name) AS shown, coalesce(u.email, '') AS email
FROM tokens t LEFT JOIN users u ON u.login = t.login WHERE t.token_hash = ?
SQL

# Rule -> the groups that a token needs, one of each list; undefined where no token may come in.
my $rules;

sub rules {
    $rules //= do {
        open my $file, '<', '/etc/medianest/current/token-rules.json' or die "the rules for tokens cannot be read: $!\n";
        local $/ = undef;
        decode_json(<$file>);
    };
    return $rules;
}

sub refused {
    my ( $reason, $row ) = @_;
    return [ 401, [ 'Content-Length' => 0, 'Remote-Refused' => $reason, $row ? ( 'Remote-Token' => $row->{name} ) : () ], [] ];
}

# @param the variables of the request: TOKEN_HASH, and /RULE in X_ORIGINAL_URI
# @returns a PSGI answer: 200 and who it is, 401 and why not, 503 where that cannot be told
sub judge {
    my ($env) = @_;
    my ( $row, $all );
    eval {
        $all = rules();
        $row = Medianest::Database::connection()->selectrow_hashref( $SQL, undef, $env->{TOKEN_HASH} );
        1;
    } or do {
        print STDERR 'sign-on: a token cannot be judged: ', $@ =~ s/\s+/ /gr, "\n";
        return [ 503, [ 'Content-Length' => 0 ], [] ];
    };
    return refused('unknown') unless $row;
    return refused( 'ended', $row ) if $row->{ended};
    my ($rule) = ( $env->{X_ORIGINAL_URI} // '' ) =~ m{^/(.*)\z}s;
    return refused( 'role', $row ) unless exists $all->{ $rule // '' };
    my $needs = $all->{$rule} or return refused( 'mfa', $row );
    my %has   = map { $_ => 1 } split /,/, $row->{groups};
    for my $any (@$needs) { return refused( 'role', $row ) unless grep { $has{$_} } @$any }
    my $grace = time + $ENV{SIGN_ON_GRACE_SECONDS};
    my $shown = $row->{shown};
    utf8::encode($shown);
    my %told = (
        'Remote-User'   => $row->{login} // "token:$row->{name}",
        'Remote-Name'   => encode_base64( $shown, '' ),
        'Remote-Email'  => $row->{email},
        'Remote-Groups' => $row->{groups},
        'Remote-Mfa'    => 0,
        'Remote-Token'  => $row->{name},
        'Remote-Paths'  => $row->{paths},
        'Remote-Until'  => $row->{until} < $grace ? $row->{until} : $grace,
    );
    return [ 200, [ 'Content-Length' => 0, map { $_ => $told{$_} } sort keys %told ], [] ];
}

1;
